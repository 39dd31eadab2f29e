import Foundation

/// The statements of `Sources/Storage` as they stand in its files.
struct StatementSources {
    /// Names and texts of those that are written out.
    private(set) var texts: [String: String] = [:]
    /// Names of those that are put together while the program runs.
    private(set) var composed: Set<String> = []

    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    init() throws {
        let root = Self.folder.appending(path: "Sources/Storage")
        let files = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)
        var sources: [String] = []
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            sources.append(try String(contentsOf: file, encoding: .utf8))
        }
        let shared = sources.map(Self.constants).reduce(into: [:]) { all, some in
            all.merge(some) { first, _ in first }
        }
        for source in sources {
            let own = Self.constants(source)
            for part in source.components(separatedBy: "Statement(").dropFirst() {
                guard let (name, rest) = Self.literal(part[...]) else { continue }
                let separator = rest.drop(while: \.isWhitespace)
                guard separator.first == "," else { continue }
                let second = separator.dropFirst()
                guard let (text, after) = Self.literal(second),
                    after.drop(while: \.isWhitespace).first == ")",
                    let whole = Self.filled(text, own, shared)
                else {
                    composed.insert(name)
                    continue
                }
                texts[name] = whole
            }
        }
    }

    /// A text with quotes around it, one or three, and what follows it.
    private static func literal(_ source: Substring) -> (String, Substring)? {
        let source = source.drop(while: \.isWhitespace)
        let mark = source.hasPrefix("\"\"\"") ? "\"\"\"" : "\""
        guard source.hasPrefix(mark) else { return nil }
        let inner = source.dropFirst(mark.count)
        guard let end = inner.range(of: mark) else { return nil }
        return (String(inner[..<end.lowerBound]), inner[end.upperBound...])
    }

    /// The constants of a file that are texts, by name.
    private static func constants(_ source: String) -> [String: String] {
        var found: [String: String] = [:]
        for part in source.components(separatedBy: "static let ").dropFirst() {
            let name = part.prefix { $0.isLetter || $0.isNumber }
            let rest = part.dropFirst(name.count).drop { $0 != "=" && $0 != "\n" }
            guard rest.first == "=", let (text, _) = literal(rest.dropFirst()) else { continue }
            found[String(name)] = text
        }
        return found
    }

    /// The text with constants in the place of their names; nil if it holds anything else.
    private static func filled(
        _ text: String, _ own: [String: String], _ shared: [String: String]
    ) -> String? {
        var parts = text.components(separatedBy: "\\(")
        var whole = parts.removeFirst()
        for part in parts {
            guard let end = part.firstIndex(of: ")") else { return nil }
            let name = part[..<end].split(separator: ".").last.map(String.init) ?? ""
            guard let value = own[name] ?? shared[name], let value = filled(value, own, shared)
            else { return nil }
            whole += value + part[part.index(after: end)...]
        }
        return whole
    }
}
