internal import Glibc

/// A parsed YAML text: one tree, with what deserves a warning.
public struct Document: Sendable {
    /// The tree; null for an empty text.
    public let root: Node
    /// Keys that were given more than once in one mapping.
    ///
    /// The last one counts, as in PyYAML.
    public let duplicateKeys: [LoadError]

    /// Parses text.
    ///
    /// `file` is the name that positions carry.
    public init(
        parsing bytes: [UInt8], file: String, limits: LoadLimits = LoadLimits()
    ) throws(LoadError) {
        var composer = try Composer(bytes, file: file, limits: limits)
        root = try composer.document()
        duplicateKeys = composer.duplicateKeys
    }

    /// Parses text.
    ///
    /// `file` is the name that positions carry.
    public init(
        parsing text: String, file: String, limits: LoadLimits = LoadLimits()
    ) throws(LoadError) {
        try self.init(parsing: Array(text.utf8), file: file, limits: limits)
    }

    /// Reads and parses a file.
    ///
    /// Blocks on the disk; meant for the start of a process.
    public init(
        contentsOf path: String, limits: LoadLimits = LoadLimits()
    ) throws(LoadError) {
        let bytes = try readFile(path, bytesMax: limits.bytesMax)
        try self.init(parsing: bytes, file: path, limits: limits)
    }
}

private func readFile(_ path: String, bytesMax: Int) throws(LoadError) -> [UInt8] {
    func failure(_ code: Int32) -> LoadError {
        LoadError(
            "cannot be read: \(String(cString: strerror(code)))", at: SourcePosition(file: path))
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16384)
    // One byte beyond the limit is enough for the parser to refuse the file.
    while bytes.count <= bytesMax {
        let count = read(descriptor, &chunk, chunk.count)
        if count == 0 { break }
        if count < 0 {
            if errno == EINTR { continue }
            throw failure(errno)
        }
        bytes.append(contentsOf: chunk[..<count])
    }
    return bytes
}
