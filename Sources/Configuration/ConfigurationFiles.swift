internal import Glibc
internal import YAML

/// One source of configuration: a file that was read, or a text in a test.
struct ConfigurationSource {
    let name: String
    let document: Document
}

/// Finds and reads what `-c` names: files, and folders of `*.yaml`.
struct ConfigurationFiles {
    let workingDirectory: String
    let report: Report

    /// The absolute form of a path that somebody wrote.
    func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        let relative = path.hasPrefix("./") ? String(path.dropFirst(2)) : path
        return workingDirectory.hasSuffix("/")
            ? workingDirectory + relative : "\(workingDirectory)/\(relative)"
    }

    /// Reads everything in order.
    ///
    /// What cannot be read is reported and left out.
    func read(_ paths: [String]) -> [ConfigurationSource] {
        var sources: [ConfigurationSource] = []
        for path in paths.flatMap(expand) {
            do {
                sources.append(
                    ConfigurationSource(name: path, document: try Document(contentsOf: path)))
            } catch {
                report.add(.error, at: error.position, key: "", error.problem)
            }
        }
        return sources
    }

    /// A folder becomes its `*.yaml` files in the order of their names.
    private func expand(_ path: String) -> [String] {
        let path = absolute(path)
        guard let directory = opendir(path) else { return [path] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        var files: [String] = []
        for name in names.sorted() {
            let file = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
            if name.hasSuffix(".yaml") && !isDirectory(file) {
                files.append(file)
            } else {
                report.add(
                    .info, at: SourcePosition(file: file), key: "",
                    "is not a .yaml file and not read")
            }
        }
        if files.isEmpty {
            report.add(
                .error, at: SourcePosition(file: path), key: "",
                "has no configuration, expected files that end in .yaml")
        }
        return files
    }

    private func isDirectory(_ path: String) -> Bool {
        guard let directory = opendir(path) else { return false }
        closedir(directory)
        return true
    }
}

/// The folder that relative paths start from.
func currentWorkingDirectory() -> String {
    guard let path = getcwd(nil, 0) else { return "/" }
    defer { free(path) }
    return String(cString: path)
}

/// Why a file cannot be opened for reading, or nil if it can.
func reasonUnreadable(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return String(cString: strerror(errno)) }
    close(descriptor)
    return nil
}
