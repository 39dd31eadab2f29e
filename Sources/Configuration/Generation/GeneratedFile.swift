internal import Glibc

/// A file that does not exist yet.
public struct GeneratedFile: Sendable, Hashable {
    /// Where it belongs.
    public var path: String
    /// What it says.
    public var text: String
    /// Whether only its owner may read it.
    public var isSecret: Bool

    /// A file to write.
    public init(path: String, text: String, isSecret: Bool = false) {
        self.path = path
        self.text = text
        self.isSecret = isSecret
    }

    /// Why a file could not be written.
    public struct WriteError: Error, Sendable, Hashable, CustomStringConvertible {
        /// The file or folder.
        public let path: String
        /// The system's reason.
        public let reason: String

        /// One line for people.
        public var description: String { "\(path): cannot be written: \(reason)" }
    }

    /// Writes the file and makes the folder around it.
    ///
    /// A file that is there already is kept, since it may hold keys or somebody's work.
    /// - Returns: whether it was written.
    @discardableResult
    public func writeUnlessPresent() throws(WriteError) -> Bool {
        try makeFolders()
        let mode: mode_t = isSecret ? 0o600 : 0o644
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        if descriptor < 0 {
            if errno == EEXIST { return false }
            throw failure(path)
        }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes {
                write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0 {
                if errno == EINTR { continue }
                let error = failure(path)
                // Half a file would be kept by the next attempt.
                unlink(path)
                throw error
            }
            written += count
        }
        return true
    }

    private func makeFolders() throws(WriteError) {
        let parts = path.split(separator: "/").dropLast()
        var folder = path.hasPrefix("/") ? "" : "."
        for part in parts {
            folder += "/\(part)"
            if mkdir(folder, 0o755) != 0 && errno != EEXIST { throw failure(folder) }
        }
    }

    private func failure(_ path: String) -> WriteError {
        WriteError(path: path, reason: String(cString: strerror(errno)))
    }
}
