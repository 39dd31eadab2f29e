import Glibc

/// The few file calls that a cluster needs, blocking.
enum Files {
    struct Kind {
        let isFolder: Bool
        let owner: uid_t
    }

    static func kind(_ path: String) -> Kind? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Kind(isFolder: status.st_mode & S_IFMT == S_IFDIR, owner: status.st_uid)
    }

    static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    static func isServer(_ folder: String) -> Bool {
        access(folder + "/initdb", X_OK) == 0 && access(folder + "/postgres", X_OK) == 0
    }

    static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    /// The last `bytesMax` bytes of a file, or `nil` if it cannot be read.
    static func tail(of path: String, bytesMax: Int = 64 << 10) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let end = lseek(descriptor, 0, SEEK_END)
        _ = lseek(descriptor, max(0, end - bytesMax), SEEK_SET)
        var buffer = [UInt8](repeating: 0, count: bytesMax)
        var count = 0
        while count < bytesMax {
            let got = buffer.withUnsafeMutableBytes { bytes in
                bytes.baseAddress.map { read(descriptor, $0 + count, bytesMax - count) } ?? 0
            }
            if got <= 0 { break }
            count += got
        }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// Makes a folder and those above it, readable by others.
    static func makeFolders(_ path: String) throws(PostgresClusterError) {
        if kind(path)?.isFolder == true { return }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try makeFolders(String(path[..<slash]))
        }
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw PostgresClusterError("cannot make the folder \(path): \(message(errno))")
        }
    }

    /// Makes a new folder with a random name that only its owner may enter.
    static func makeTemporaryFolder() throws(PostgresClusterError) -> String {
        var parent = environment("TMPDIR") ?? "/tmp"
        // The socket in it must fit into a socket address.
        if parent.isEmpty || parent.utf8.count > 60 || kind(parent) == nil { parent = "/tmp" }
        var template = Array((parent + "/beamline-pg-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else {
            throw PostgresClusterError(
                "cannot make a folder in \(parent): \(message(errno))")
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func absolute(_ path: String) -> String {
        var path = path
        while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
        if path.hasPrefix("/") { return path }
        guard let current = getcwd(nil, 0) else { return path }
        defer { free(current) }
        return String(cString: current) + "/" + path
    }

    static func message(_ code: Int32) -> String {
        String(cString: strerror(code))
    }
}
