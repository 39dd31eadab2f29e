internal import YAML

extension LoggingTarget {
    /// The files that a log goes to, as far as the log configuration can be read.
    ///
    /// For tools that show the end of a log; the log itself is driven elsewhere.
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
