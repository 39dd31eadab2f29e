internal import Glibc
public import Logging
internal import Synchronization

/// The log of a process: swift-log in front, Python's logging rules behind.
///
/// Loggers have dotted names that begin with `beamline`. What a file says about `synapse` loggers
/// holds for them too, so that log configurations which people have keep their meaning. Thread-safe.
/// Opens files and starts a thread: make it after daemonising.
public final class LogSystem: Sendable {
    private struct State {
        var configuration: LoggingConfiguration
        var outputs: [String: LogOutput]
        var nodes: [String: LoggerNode] = [:]
    }

    private let state: Mutex<State>
    private let writer = LogWriter()

    /// Opens every log file of a configuration.
    public init(_ configuration: LoggingConfiguration) throws(LogError) {
        let outputs = try LogSystem.open(configuration)
        state = Mutex(State(configuration: configuration, outputs: outputs))
        writer.use(Array(outputs.values))
    }

    deinit { writer.stop() }

    /// Makes this the log of every `Logger` of the process. At most once in a process.
    public func bootstrap() {
        LoggingSystem.bootstrap { label in self.handler(label: label) }
    }

    /// A logger of this system, without `bootstrap()`.
    public func logger(_ label: String) -> Logger {
        Logger(label: label) { self.handler(label: $0) }
    }

    /// Opens log files anew, as after SIGHUP.
    ///
    /// - Returns: the files that could not be opened; their lines go on into the old ones.
    @discardableResult
    public func reopen() -> [LogError] {
        let outputs = state.withLock { Array($0.outputs.values) }
        var failures: [LogError] = []
        for output in outputs {
            output.drain()
            do throws(LogError) { try output.reopen() } catch { failures.append(error) }
        }
        return failures
    }

    /// Changes levels, formats and files of loggers that are in use already.
    public func reconfigure(_ configuration: LoggingConfiguration) throws(LogError) {
        let outputs = try LogSystem.open(configuration)
        let former = state.withLock { state in
            let former = Array(state.outputs.values)
            state.configuration = configuration
            state.outputs = outputs
            for (label, node) in state.nodes {
                node.route(LogSystem.routing(of: label, in: state))
            }
            return former
        }
        writer.use(Array(outputs.values))
        former.forEach { $0.drain() }
    }

    /// Waits until everything logged so far is in its files, or the time is over.
    @discardableResult
    public func flush(within timeout: Duration = .seconds(5)) -> Bool {
        writer.flush(within: timeout)
    }

    /// Lines that could not be written since the start, because a disk was full or too slow.
    public var lostLines: Int {
        state.withLock { $0.outputs.values.reduce(0) { $0 + $1.lost } }
    }

    private static func open(
        _ configuration: LoggingConfiguration
    ) throws(LogError) -> [String: LogOutput] {
        var outputs: [String: LogOutput] = [:]
        for (name, handler) in configuration.handlers.sorted(by: { $0.key < $1.key }) {
            switch handler.destination {
            case .standardOutput: outputs[name] = LogOutput(standard: STDOUT_FILENO)
            case .standardError: outputs[name] = LogOutput(standard: STDERR_FILENO)
            case .file(let file): outputs[name] = try LogOutput(file)
            case .nowhere: outputs[name] = LogOutput()
            case .handler: continue
            }
        }
        return outputs
    }

    private func handler(label: String) -> LineLogHandler {
        let node = state.withLock { state in
            if let node = state.nodes[label] { return node }
            let node = LoggerNode(name: label, LogSystem.routing(of: label, in: state))
            // Labels are constants of the program; the bound holds should one ever not be.
            if state.nodes.count < 10_000 { state.nodes[label] = node }
            return node
        }
        return LineLogHandler(node: node, writer: writer)
    }

    /// Walks from a logger up to the root, as Python does at every call.
    private static func routing(of label: String, in state: State) -> LoggerNode.Routing {
        var routing = LoggerNode.Routing()
        var level: LogLevel?
        var isPropagating = true
        func take(_ entry: LoggingConfiguration.LoggerEntry) {
            if level == nil && entry.level != .notSet { level = entry.level }
            guard isPropagating else { return }
            routing.targets += entry.handlers.compactMap { target(named: $0, in: state) }
            isPropagating = entry.propagates
        }
        var name = label[...]
        while !name.isEmpty {
            if let entry = state.configuration.loggers[String(name)] {
                take(entry)
            } else if name == "beamline" || name.hasPrefix("beamline."),
                let entry = state.configuration.loggers["synapse\(name.dropFirst(8))"]
            {
                take(entry)
            }
            name = name.lastIndex(of: ".").map { name[..<$0] } ?? ""
        }
        take(state.configuration.root)
        routing.level = level ?? .warning
        return routing
    }

    private static func target(named first: String, in state: State) -> LoggerNode.Target? {
        var name = first
        var level = LogLevel.notSet
        // The reader has refused memory handlers that lead back to themselves.
        while let handler = state.configuration.handlers[name] {
            level = max(level, handler.level)
            if case .handler(let further) = handler.destination {
                name = further
                continue
            }
            return state.outputs[name].map {
                LoggerNode.Target(level: level, format: handler.format, output: $0)
            }
        }
        return nil
    }
}
