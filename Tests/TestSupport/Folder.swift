internal import Glibc

/// A folder of a test's own, removed with all that is in it in the end.
public final class Folder: Sendable {
    /// Where it is.
    public let path: String

    /// Makes a folder.
    public init() {
        var template = Array("/tmp/beamline-test.XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil, "no folder: error \(errno)")
        path = template.withUnsafeBytes { String(decoding: $0.dropLast(), as: UTF8.self) }
    }

    deinit { Folder.remove(path) }

    private static func remove(_ path: String) {
        for name in names(in: path) { remove("\(path)/\(name)") }
        Glibc.remove(path)
    }

    /// The names of what is in it, sorted.
    public var names: [String] { Folder.names(in: path) }

    private static func names(in path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Writes a file, and the folder that it is in; returns its path.
    @discardableResult
    public func write(_ name: String, _ text: String) -> String {
        if let slash = name.lastIndex(of: "/") { mkdir("\(path)/\(name[..<slash])", 0o755) }
        let file = "\(path)/\(name)"
        let bytes = Array(text.utf8)
        let stream = fopen(file, "w")
        let written = stream.map { fwrite(bytes, 1, bytes.count, $0) }
        precondition(written == bytes.count, "\(file) cannot be written: error \(errno)")
        if let stream { fclose(stream) }
        return file
    }

    /// What is in a file.
    public func text(_ name: String) -> String {
        guard let stream = fopen("\(path)/\(name)", "r") else { return "(no file)" }
        defer { fclose(stream) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = fread(&chunk, 1, chunk.count, stream)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(contentsOf: chunk[..<count])
        }
    }
}
