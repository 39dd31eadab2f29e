import Glibc

/// Finds the beamline program.
enum Executable {
    private static let name = "beamline"

    /// The option, else `BEAMLINE_EXECUTABLE`, else beside synctl, else in `PATH`.
    static func find(_ option: String?) -> String? {
        if let wanted = option ?? variable("BEAMLINE_EXECUTABLE") {
            return isExecutable(wanted) ? wanted : nil
        }
        var candidates: [String] = []
        if let own = realpath("/proc/self/exe", nil) {
            defer { free(own) }
            let path = String(cString: own)
            if let slash = path.lastIndex(of: "/") { candidates.append("\(path[...slash])\(name)") }
        }
        for folder in (variable("PATH") ?? "").split(separator: ":") {
            candidates.append("\(folder)/\(name)")
        }
        return candidates.first(where: isExecutable)
    }

    /// What to tell somebody for whom nothing was found.
    static func hint(_ option: String?) -> String {
        if let wanted = option ?? variable("BEAMLINE_EXECUTABLE") {
            return "\(wanted) is not a program that can be run"
        }
        return
            "The program beamline is neither beside synctl nor in PATH; name it with --executable"
    }

    private static func isExecutable(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            && access(path, X_OK) == 0
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
}
