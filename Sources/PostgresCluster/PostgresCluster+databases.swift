import Synchronization

extension PostgresCluster {
    /// Makes a database with C collation, empty or as a copy of another one, to which nobody may be
    /// connected then. A copy is much faster than many statements.
    public func createDatabase(
        named name: String, copying template: String = "template0"
    ) throws(PostgresClusterError) {
        // Nobody can be connected to template0.
        try execute("CREATE DATABASE \(Self.quoted(name)) TEMPLATE \(Self.quoted(template))")
    }

    /// Makes a database unless there is one of that name.
    public func ensureDatabase(named name: String) throws(PostgresClusterError) {
        do throws(PostgresClusterError) {
            try createDatabase(named: name)
        } catch {
            // There is no CREATE DATABASE IF NOT EXISTS; messages come in English here.
            guard error.description.contains("already exists") else { throw error }
        }
    }

    /// Removes a database, breaking off its connections.
    public func dropDatabase(named name: String) throws(PostgresClusterError) {
        try execute("DROP DATABASE IF EXISTS \(Self.quoted(name)) WITH (FORCE)")
    }

    /// Runs one statement as the superuser in the database `postgres` or the one named.
    public func execute(
        _ sql: String, database: String = "postgres"
    ) throws(PostgresClusterError) {
        try psql([sql], database: database)
    }

    /// One libpq connection string for the database.
    public func connectionString(database: String) -> String {
        "host=\(socketFolder) port=\(port) user=\(Self.superuser) dbname=\(database)"
    }

    /// A cluster that all tests of this process share: started with the first call, gone with the
    /// process.
    public static func shared() throws(PostgresClusterError) -> PostgresCluster {
        try sharedResult.get()
    }

    /// A new database of the shared cluster, with a name of its own.
    public static func sharedWithNewDatabase() throws(PostgresClusterError) -> (
        cluster: PostgresCluster, database: String
    ) {
        let cluster = try shared()
        let number = databaseCount.wrappingAdd(1, ordering: .relaxed).newValue
        let name = "test_\(number)"
        try cluster.createDatabase(named: name)
        return (cluster, name)
    }

    private static let sharedResult: Result<PostgresCluster, PostgresClusterError> = Result {
        () throws(PostgresClusterError) in try PostgresCluster(temporary: sharedOptions)
    }

    private static var sharedOptions: Options {
        var options = Options.disposable
        options.connectionsMax = 300
        return options
    }

    private static let databaseCount = Atomic<Int>(0)

    private static func quoted(_ name: String) -> String {
        "\""
            + name.split(separator: "\"", omittingEmptySubsequences: false)
            .joined(separator: "\"\"") + "\""
    }

    private func psql(
        _ lines: [String], database: String = "postgres"
    ) throws(PostgresClusterError) {
        var arguments = [
            binaries.psql, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1",
            "--dbname=\(connectionString(database: database))",
        ]
        arguments += lines.map { "--command=\($0)" }
        try run(arguments)
    }
}
