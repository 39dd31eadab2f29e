/// Where each writer of each stream stands, for deployments with several writers: tables
/// `stream_positions` and `instance_map`.
///
/// Our streams have one writer, whose positions are read from the streams' own tables.
enum StreamPositions {
    static let schema = """
        CREATE TABLE stream_positions (
            stream_name text NOT NULL,
            instance_name text NOT NULL,
            stream_id bigint NOT NULL
        );
        -- One row per writer.
        CREATE UNIQUE INDEX stream_positions_idx ON stream_positions (stream_name, instance_name);

        CREATE SEQUENCE instance_map_instance_id_seq;
        CREATE TABLE instance_map (
            instance_id integer PRIMARY KEY DEFAULT nextval('instance_map_instance_id_seq'),
            instance_name text NOT NULL
        );
        -- Tokens name writers by number.
        CREATE UNIQUE INDEX instance_map_idx ON instance_map (instance_name);
        """
}
