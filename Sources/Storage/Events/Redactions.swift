import Postgres

/// Events that take others back or that the auth rules refused: tables `redactions` and `rejections`.
enum Redactions {
    static let schema = """
        CREATE TABLE redactions (
            event_id text NOT NULL,
            redacts text NOT NULL,
            have_censored boolean NOT NULL DEFAULT false,
            received_ts bigint,
            recheck boolean NOT NULL DEFAULT true,
            UNIQUE (event_id)
        );
        -- Every read of an event asks whether something redacts it.
        CREATE INDEX redactions_redacts ON redactions (redacts);
        -- Censoring the stored JSON goes through those not done, oldest first.
        CREATE INDEX redactions_have_censored_ts ON redactions (received_ts)
            WHERE NOT have_censored;

        CREATE TABLE rejections (
            event_id text NOT NULL,
            reason text NOT NULL,
            last_check text NOT NULL,
            UNIQUE (event_id)
        );
        """

    // Our own redactions were checked against the event they redact before they were accepted.
    private static let insert = Statement(
        "redactions_insert",
        """
        INSERT INTO redactions (event_id, redacts, received_ts, recheck)
        SELECT e, r, t, false FROM unnest($1::text[], $2::text[], $3::bigint[]) AS x (e, r, t)
        """)

    /// The inserts for a batch.
    static func insertion(_ batch: [PositionedEvent]) -> [Command] {
        let redactions = batch.compactMap { positioned in
            positioned.event.redacts.map { (positioned.event, $0) }
        }
        if redactions.isEmpty { return [] }
        return [
            (
                insert,
                [
                    .textArray(redactions.map(\.0.eventID)), .textArray(redactions.map(\.1)),
                    .integerArray(redactions.map(\.0.receivedTimestamp)),
                ]
            )
        ]
    }
}
