internal import YAML

extension LoggingTarget {
    /// The files that a process's log goes to, as far as the log configuration can be read. Those of a
    /// replica have its number in their names.
    ///
    /// For tools that show the end of a log; the log itself is driven elsewhere.
    public func files(ofReplica number: Int?) -> [String] {
        guard let number, case .configuration = self else { return files }
        return files.map { ReplicasConfiguration.path($0, number) }
    }

    /// The files as they are written in the configuration.
    public var files: [String] {
        switch self {
        case .standardError: return []
        case .file(let path): return [path]
        case .configuration(let path):
            guard let document = try? Document(contentsOf: path),
                let handlers = document.root["handlers"]?.mapping
            else { return [] }  // A tool has nothing to show then; the process itself complains.
            return handlers.entries.compactMap { $0.value["filename"]?.string }
        }
    }
}
