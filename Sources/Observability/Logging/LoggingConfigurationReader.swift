internal import YAML

/// Turns the tree of a log configuration into its typed form and collects what is wrong.
struct LoggingConfigurationReader {
    private let document: Document
    private var problems: [LoadError] = []
    private var made = LoggingConfiguration()
    private var formats: [String: LogFormat] = [:]

    init(document: Document) { self.document = document }

    mutating func read() throws(LoggingConfigurationError) -> LoggingConfiguration {
        made.remarks = document.duplicateKeys
        guard let root = document.root.mapping else {
            fail(document.root, "", "a mapping with version: 1")
            throw LoggingConfigurationError(problems: problems)
        }
        if root["version"]?.integer != 1 {
            let place = root["version"] ?? document.root
            problem("version", "is not 1", "version: 1", at: place.position)
        }
        if root["incremental"]?.bool == true, let node = root["incremental"] {
            problem("incremental", "is not supported", "false", at: node.position)
        }
        for (name, node) in entries(root, "formatters") { readFormatter(name, node) }
        for (name, node) in entries(root, "handlers") { readHandler(name, node) }
        for (name, node) in entries(root, "loggers") {
            if let entry = readLogger(node, key: "loggers.\(name)") { made.loggers[name] = entry }
        }
        if let node = root["root"], !node.isNull, var entry = readLogger(node, key: "root") {
            if entry.level == .notSet { entry.level = .warning }
            made.root = entry
        }
        let known = [
            "version", "incremental", "formatters", "filters", "handlers", "loggers", "root",
            "disable_existing_loggers",
        ]
        for entry in root.entries where !known.contains(entry.key.text) {
            made.remarks.append(
                LoadError(
                    "\(entry.key.text): is not a known key and not used", at: entry.key.position))
        }
        checkReferences(root)
        guard problems.isEmpty else { throw LoggingConfigurationError(problems: problems) }
        return made
    }

    private mutating func problem(
        _ key: String, _ wrong: String, _ expected: String, at position: SourcePosition
    ) {
        let prefix = key.isEmpty ? "" : "\(key): "
        problems.append(LoadError("\(prefix)\(wrong), expected \(expected)", at: position))
    }

    private mutating func fail(_ node: Node, _ key: String, _ expected: String) {
        problem(key, "is \(node.summary)", expected, at: node.position)
    }

    private mutating func entries(_ root: Mapping, _ key: String) -> [(String, Node)] {
        guard let node = root[key], !node.isNull else { return [] }
        guard let mapping = node.mapping else {
            fail(node, key, "a mapping")
            return []
        }
        return mapping.entries.map { ($0.key.text, $0.value) }
    }

    private mutating func readFormatter(_ name: String, _ node: Node) {
        let key = "formatters.\(name)"
        formats[name] = .bare
        guard let mapping = node.mapping else { return fail(node, key, "a mapping with a format") }
        for special in ["class", "()"] {
            guard let given = mapping[special], given.string != "logging.Formatter" else {
                continue
            }
            return fail(
                given, "\(key).\(special)", "a format instead, other formatters are unknown")
        }
        if let style = mapping["style"], style.string != "%" {
            return fail(style, "\(key).style", "the text \"%\"")
        }
        var dateFormat: String?
        if let date = mapping["datefmt"], !date.isNull {
            guard let text = date.string, text.utf8.count <= 100 else {
                return fail(date, "\(key).datefmt", "a format of strftime")
            }
            dateFormat = text
        }
        guard let format = mapping["format"], !format.isNull else { return }
        guard let text = format.string else { return fail(format, "\(key).format", "a text") }
        do {
            formats[name] = try LogFormat(text, dateFormat: dateFormat)
        } catch {
            problem(
                "\(key).format", error.problem, "such as %(asctime)s - %(message)s",
                at: format.position)
        }
    }

    private mutating func readLogger(
        _ node: Node, key: String
    ) -> LoggingConfiguration.LoggerEntry? {
        guard let mapping = node.mapping else {
            fail(node, key, "a mapping with a level")
            return nil
        }
        return LoggingConfiguration.LoggerEntry(
            level: readLevel(mapping, key: key),
            handlers: readHandlerNames(mapping, key: key),
            propagates: readPropagation(mapping, key: key))
    }

    private mutating func readHandlerNames(_ mapping: Mapping, key: String) -> [String] {
        guard let node = mapping["handlers"], !node.isNull else { return [] }
        if let names = node.sequence { return names.map(\.text) }
        fail(node, "\(key).handlers", "a list of handlers")
        return []
    }

    /// Python takes 0 and 1 as well, and the documentation of old shows them.
    private mutating func readPropagation(_ mapping: Mapping, key: String) -> Bool {
        guard let node = mapping["propagate"], !node.isNull else { return true }
        switch node.content {
        case .bool(let value): return value
        case .integer(let value): return value != 0
        case .null, .float, .string, .sequence, .mapping:
            fail(node, "\(key).propagate", "true or false")
            return true
        }
    }

    private mutating func readLevel(_ mapping: Mapping, key: String) -> LogLevel {
        guard let node = mapping["level"], !node.isNull else { return .notSet }
        if let number = node.integer, (0...1000).contains(number) {
            return LogLevel(number: Int(number))
        }
        if let name = node.string, let level = LogLevel(name: name) { return level }
        fail(node, "\(key).level", "one of DEBUG, INFO, WARNING, ERROR, CRITICAL")
        return .notSet
    }

    private mutating func readHandler(_ name: String, _ node: Node) {
        let key = "handlers.\(name)"
        guard let mapping = node.mapping else { return fail(node, key, "a mapping with a class") }
        var handler = LoggingConfiguration.Handler(name: name, destination: .nowhere)
        handler.level = readLevel(mapping, key: key)
        if let reference = mapping["formatter"], !reference.isNull {
            if let format = formats[reference.text] {
                handler.format = format
            } else {
                fail(reference, "\(key).formatter", "one of the formatters")
            }
        }
        guard let kind = mapping["class"] else {
            return problem(key, "has no class", "such as logging.StreamHandler", at: node.position)
        }
        var reader = LogHandlerReader(key: key, mapping: mapping, position: node.position)
        handler.destination = reader.destination(kind)
        problems += reader.problems
        made.handlers[name] = handler
    }

    /// Handlers that are named but not defined, and memory handlers that pass to each other.
    private mutating func checkReferences(_ root: Mapping) {
        var users = [("root", root["root"])]
        for entry in root["loggers"]?.mapping?.entries ?? [] {
            users.append(("loggers.\(entry.key.text)", entry.value))
        }
        let defined = Set(root["handlers"]?.mapping?.entries.map(\.key.text) ?? [])
        for (key, node) in users {
            for reference in node?["handlers"]?.sequence ?? []
            where !defined.contains(reference.text) {
                fail(reference, "\(key).handlers", "one of the handlers")
            }
        }
        for (name, handler) in made.handlers {
            guard case .handler(let first) = handler.destination else { continue }
            let place = root["handlers"]?[name]?["target"]
            let position = place?.position ?? document.root.position
            var target = first
            var steps = 0
            while let next = made.handlers[target], case .handler(let further) = next.destination,
                steps < made.handlers.count
            {
                target = further
                steps += 1
            }
            if !defined.contains(target) {
                problem(
                    "handlers.\(name).target", "is not a handler", "one of the handlers",
                    at: position)
            } else if steps >= made.handlers.count {
                problem(
                    "handlers.\(name).target", "leads back to itself", "another handler",
                    at: position)
            }
        }
    }
}
