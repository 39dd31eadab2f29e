internal import YAML

extension ConfigurationReader {
    func readDatabase() -> DatabaseConfiguration {
        let expected = "name: psycopg2 and args of a PostgreSQL server"
        guard root.node("database") != nil else {
            missing("database", expected: expected)
            return DatabaseConfiguration()
        }
        guard let section = root.section("database", expected: expected) else {
            return DatabaseConfiguration()
        }
        defer {
            section.reportUnknownKeys(explained: [
                "allow_unsafe_locale": "has no effect, the collation must be C",
                "txn_limit": "has no effect in Beamline",
            ])
        }
        readDatabaseName(section)
        let timeout = section.duration("statement_timeout", in: .seconds(1)...(.seconds(86_400)))
        guard let arguments = section.section("args") else { return DatabaseConfiguration() }
        var database = readArguments(arguments)
        if let timeout { database.statementTimeout = timeout }
        return database
    }

    private func readDatabaseName(_ section: Section) {
        guard let node = section.node("name") else {
            section.fail("name", "is missing", expected: "psycopg2")
            return
        }
        switch node.string {
        case "psycopg2", "psycopg2cffi", "postgres", "postgresql": return
        case "sqlite3":
            section.mismatch(
                "name", node,
                expected: "psycopg2: the processes of a fleet share one database, which SQLite "
                    + "cannot offer")
        default: section.mismatch("name", node, expected: "psycopg2")
        }
    }

    private func readArguments(_ section: Section) -> DatabaseConfiguration {
        var database = DatabaseConfiguration()
        database.host = section.text("host")
        if let node = section.node("port") {
            // libpq takes the port as text, and so do many files.
            if let port = UInt16(node.text), port > 0 {
                database.port = port
            } else {
                section.mismatch("port", node, expected: "a whole number from 1 to 65535")
            }
        }
        database.user = section.text("user")
        database.password = section.text("password")
        let alternative = section.text("dbname")
        database.database = section.text("database") ?? alternative
        if section.has("database") && section.has("dbname") {
            section.fail("dbname", "stands beside database", expected: "only one of them")
        }
        database.poolMin = section.integer("cp_min", in: 0...10_000) ?? 5
        database.poolMax = section.integer("cp_max", in: 1...10_000) ?? max(10, database.poolMin)
        if database.poolMin > database.poolMax {
            section.fail(
                section.has("cp_min") ? "cp_min" : "cp_max",
                "asks for \(database.poolMin) connections at least and \(database.poolMax) at most",
                expected: "cp_min not above cp_max")
            database.poolMin = database.poolMax
        }
        for keyword in KnownKeys.libpq where section.has(keyword) {
            if let value = section.text(keyword) { database.options[keyword] = value }
        }
        section.reportUnknownKeys(explained: KnownKeys.unusedPool)
        return database
    }
}
