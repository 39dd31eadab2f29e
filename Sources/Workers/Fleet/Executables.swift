internal import Glibc

/// The project's other executables, which lie beside this one.
enum Executables {
    static func path(of name: String) throws -> String {
        guard let link = realpath("/proc/self/exe", nil) else {
            throw FleetDirectory.Failure(description: "/proc/self/exe: cannot be read")
        }
        defer { free(link) }
        let own = String(cString: link)
        let folder = own.split(separator: "/").dropLast().joined(separator: "/")
        let path = "/\(folder)/\(name)"
        guard access(path, X_OK) == 0 else {
            throw FleetDirectory.Failure(description: "\(path): no such executable")
        }
        return path
    }
}
