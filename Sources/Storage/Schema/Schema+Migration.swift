public import Postgres
public import Reactor

/// Why a database cannot be used.
public struct SchemaError: Error, Sendable, CustomStringConvertible {
    /// What is wrong and what to do about it, in a sentence.
    public let description: String
}

extension Schema {
    /// Any number that other programs do not use for advisory locks of this database.
    private static let lockNumber: Int64 = 0x6265_616d_6c69_6e65

    private static let findDatabase = Statement(
        "schema_database",
        """
        SELECT datcollate, datctype, pg_encoding_to_char(encoding), datname
        FROM pg_database WHERE datname = current_database()
        """)

    private static let findVersion = Statement(
        "schema_find_version",
        """
        SELECT to_regclass('schema_version') IS NOT NULL,
            to_regclass('applied_schema_deltas') IS NOT NULL
        """)

    private static let readVersion = Statement(
        "schema_read_version",
        """
        SELECT v.version, c.compat_version FROM schema_version v, schema_compat_version c
        """)

    private static let readSteps = Statement(
        "schema_read_steps",
        "SELECT file FROM applied_schema_deltas WHERE file LIKE 'beamline/%'")

    private static let lock = Statement(
        "schema_lock", "SELECT pg_advisory_xact_lock($1)")

    private static let recordStep = Statement(
        "schema_record_step",
        "INSERT INTO applied_schema_deltas (version, file) VALUES ($1, $2)")

    /// Brings the database up to date, making everything in an empty one.
    ///
    /// For the main process only: one transaction under an advisory lock, so that two that start at
    /// once do not meet.
    public static func migrate(
        _ pool: PostgresPool, on loop: isolated EventLoop
    ) async throws {
        try await checkDatabase(pool, on: loop)
        try await pool.transaction(on: loop) { connection in
            // An index of a large table takes longer than any request may.
            try await connection.execute(script: "SET LOCAL statement_timeout = 0", on: loop)
            _ = try await connection.query(lock, [.integer(lockNumber)], on: loop)
            if try await version(in: connection, on: loop) == nil {
                try await connection.execute(script: SchemaVersion.schema, on: loop)
            }
            let applied = try await knownSteps(in: connection, on: loop)
            for step in steps where !applied.contains(step.name) {
                try await connection.execute(script: step.script, on: loop)
                _ = try await connection.query(
                    recordStep, [.integer(SchemaVersion.current), .text(step.name)], on: loop)
            }
        }
    }

    /// Refuses a database that this version of Beamline does not know how to use.
    ///
    /// For workers, which never change the schema: it must be complete already, made by our main
    /// process or by Synapse.
    public static func check(_ pool: PostgresPool, on loop: isolated EventLoop) async throws {
        try await checkDatabase(pool, on: loop)
        guard let version = try await version(in: pool, on: loop) else {
            throw SchemaError(
                description: """
                    The database is empty: start the main process first, which creates the tables.
                    """)
        }
        let applied = try await knownSteps(in: pool, on: loop)
        let missing = steps.filter { !applied.contains($0.name) }
        if !applied.isEmpty, !missing.isEmpty {
            throw SchemaError(
                description: """
                    The database lacks the change \(missing[0].name): start the main process of this \
                    version first.
                    """)
        }
        // Without steps of ours the tables are Synapse's, complete if the version is one we know.
        if applied.isEmpty, version < SchemaVersion.compatible {
            throw SchemaError(
                description: """
                    The database has schema version \(version); this worker needs \
                    \(SchemaVersion.compatible) or later.
                    """)
        }
    }

    private static func checkDatabase(
        _ database: any Database, on loop: isolated EventLoop
    ) async throws {
        guard let row = try await database.query(findDatabase, [], on: loop).first else { return }
        let (collation, type) = (try row.text(0), try row.text(1))
        let (encoding, name) = (try row.text(2), try row.text(3))
        if collation != "C" || type != "C" {
            throw SchemaError(
                description: """
                    The database "\(name)" has collation "\(collation)" and character type "\(type)"; \
                    both must be "C", or its indexes break when the system's locales change. Create it \
                    with: CREATE DATABASE \(name) ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' \
                    TEMPLATE template0;
                    """)
        }
        if encoding != "UTF8" {
            throw SchemaError(
                description: """
                    The database "\(name)" has encoding "\(encoding)"; it must be "UTF8".
                    """)
        }
    }

    /// The schema version, or nil for an empty database.
    ///
    /// Throws for one that is too new.
    private static func version(
        in database: any Database, on loop: isolated EventLoop
    ) async throws -> Int64? {
        let found = try await database.query(findVersion, [], on: loop)
        guard let row = found.first, try row.bool(0) else { return nil }
        guard let versions = try await database.query(readVersion, [], on: loop).first else {
            return nil
        }
        let compatible = try versions.integer(1)
        if compatible > SchemaVersion.current {
            throw SchemaError(
                description: """
                    The database was upgraded by a newer version, whose tables need schema version \
                    \(compatible); this one knows \(SchemaVersion.current).
                    """)
        }
        return try versions.integer(0)
    }

    private static func knownSteps(
        in database: any Database, on loop: isolated EventLoop
    ) async throws -> Set<String> {
        let found = try await database.query(findVersion, [], on: loop)
        guard let row = found.first, try row.bool(1) else { return [] }
        let applied = try await database.query(readSteps, [], on: loop).texts()
        let known = Set(steps.map(\.name))
        if let unknown = applied.first(where: { !known.contains($0) }) {
            throw SchemaError(
                description: """
                    The database was changed by a newer version of Beamline (\(unknown)).
                    """)
        }
        return Set(applied)
    }
}
