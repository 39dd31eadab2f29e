import Postgres

/// Reactions, edits, threads: table `event_relations`.
public enum EventRelations {
    static let schema = """
        CREATE TABLE event_relations (
            event_id text NOT NULL,
            relates_to_id text NOT NULL,
            relation_type text NOT NULL,
            aggregation_key text
        );
        -- An event has one relation.
        CREATE UNIQUE INDEX event_relations_id ON event_relations (event_id);
        -- What relates to an event, by kind and key.
        CREATE INDEX event_relations_relates
            ON event_relations (relates_to_id, relation_type, aggregation_key);
        """

    private static let insert = Statement(
        "event_relations_insert",
        """
        INSERT INTO event_relations (event_id, relates_to_id, relation_type, aggregation_key)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
        """)

    /// The inserts for a batch.
    static func insertion(_ batch: [PositionedEvent]) -> [Command] {
        let related = batch.compactMap { positioned in
            positioned.event.relation.map { (positioned.event.eventID, $0) }
        }
        if related.isEmpty { return [] }
        return [
            (
                insert,
                [
                    .textArray(related.map(\.0)), .textArray(related.map(\.1.eventID)),
                    .textArray(related.map(\.1.type)),
                    .optionalTextArray(related.map(\.1.key)),
                ]
            )
        ]
    }
}
