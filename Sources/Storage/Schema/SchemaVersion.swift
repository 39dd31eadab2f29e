/// What this database is: tables `schema_version`, `schema_compat_version` and `applied_schema_deltas`.
enum SchemaVersion {
    /// The version of the names and types that our tables share with Synapse's.
    static let current: Int64 = 94
    /// The oldest version whose readers can read what we write.
    static let compatible: Int64 = 84

    static let schema = """
        CREATE TABLE schema_version (
            lock character(1) NOT NULL DEFAULT 'X' UNIQUE CHECK (lock = 'X'),
            version integer NOT NULL,
            upgraded boolean NOT NULL
        );
        CREATE TABLE schema_compat_version (
            lock character(1) NOT NULL DEFAULT 'X' UNIQUE CHECK (lock = 'X'),
            compat_version integer NOT NULL
        );
        CREATE TABLE applied_schema_deltas (
            version integer NOT NULL,
            file text NOT NULL,
            UNIQUE (version, file)
        );
        INSERT INTO schema_version (version, upgraded) VALUES (\(current), false);
        INSERT INTO schema_compat_version (compat_version) VALUES (\(compatible));
        """
}
