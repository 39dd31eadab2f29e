import Glibc

/// Where a PostgreSQL server's programs lie.
struct Binaries: Sendable {
    let folder: String
    var initdb: String { folder + "/initdb" }
    var postgres: String { folder + "/postgres" }
    /// Comes with the client package, so it may lie elsewhere.
    let psql: String

    /// Looks in PATH, then in the folders of distributions, the highest version first. Existing data
    /// need the major version that made them.
    static func find(version: String? = nil) throws(PostgresClusterError) -> Binaries {
        let path = (Files.environment("PATH") ?? "").split(separator: ":").map(String.init)
        var candidates = path.filter { version == nil && Files.isServer($0) }
        candidates += versioned(version).map { "/usr/lib/postgresql/\($0)/bin" }
        candidates += versioned(version).map { "/usr/pgsql-\($0)/bin" }
        candidates += path + ["/usr/local/pgsql/bin"]
        guard let folder = candidates.first(where: Files.isServer) else {
            throw PostgresClusterError(
                "found no PostgreSQL server\(version.map { " of version \($0)" } ?? ""): neither PATH nor "
                    + "/usr/lib/postgresql/*/bin has initdb and postgres (Debian: apt-get install "
                    + "postgresql)")
        }
        let clients = [folder] + path
        guard let client = clients.first(where: { access($0 + "/psql", X_OK) == 0 }) else {
            throw PostgresClusterError("found no psql beside \(folder)/postgres or in PATH")
        }
        return Binaries(folder: folder, psql: client + "/psql")
    }

    private static func versioned(_ version: String?) -> [String] {
        if let version { return [version] }
        let debian = Files.names(in: "/usr/lib/postgresql")
        let redHat = Files.names(in: "/usr").compactMap { name in
            name.hasPrefix("pgsql-") ? String(name.dropFirst(6)) : nil
        }
        let numbers = Set((debian + redHat).compactMap { Double($0) })
        return numbers.sorted(by: >).map {
            $0 == $0.rounded() ? String(Int($0)) : String($0)
        }
    }
}
