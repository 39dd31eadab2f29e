internal import Glibc

/// A folder of a test's own, removed with its files in the end.
public final class Folder: Sendable {
    /// Where it is.
    public let path: String

    /// Makes a folder.
    public init() {
        var template = Array("/tmp/beamline-test.XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil, "no folder: error \(errno)")
        path = template.withUnsafeBytes { String(decoding: $0.dropLast(), as: UTF8.self) }
    }

    deinit {
        for entry in entries { unlink(path + "/" + entry) }
        rmdir(path)
    }

    /// The names of its files.
    public var entries: [String] {
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
}
