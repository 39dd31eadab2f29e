-- Fills a database that a main process has just made with rooms that it could have written: users with devices and
-- tokens, rooms of 2 to 10,000 members, messages, reactions, edits, threads, redactions, receipts, state groups with
-- deltas. The same settings give the same rows. Event ids are the events' true hashes; only their signatures are made up.
--
--     psql … -c "SET populate.events = 1000000" -c "SET populate.server = 'bench.local'" -f populate.sql
--
-- populate.events    about how many events (50,000; fewer members in the largest room below 250,000)
-- populate.server    the server's name (bench.local)
-- populate.seed      another number makes other rooms (1)
-- populate.rooms     so many published rooms of two instead of the usual mixture (0)
-- populate.deltas    `off` leaves current_state_delta_stream alone, which followers would walk (on)
--
-- Only tables and columns that Synapse has too are written, so that both can be measured on the same rooms. User n is
-- @user<n>:<server> with the token `token<n>`. The first room is the largest, and user 1 is in every room.

SET client_min_messages = warning;
BEGIN;
CREATE SCHEMA populate;

CREATE FUNCTION populate.setting(name text, fallback text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('populate.' || name, true), ''), fallback)
$$;

-- A number from 0 to below `limit`, always the same for the same name.
CREATE FUNCTION populate.pick(name text, choices bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT mod(hashtextextended(name, populate.setting('seed', '1')::bigint) & 9223372036854775807, choices)
$$;

CREATE FUNCTION populate.base64(bytes bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT rtrim(translate(encode(bytes, 'base64'), E'\n', ''), '=')
$$;

CREATE FUNCTION populate.digest(value text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT populate.base64(sha256(convert_to(value, 'UTF8')))
$$;

CREATE FUNCTION populate.user_id(number bigint) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT '@user' || number || ':' || populate.setting('server', 'bench.local')
$$;

-- Rooms -----------------------------------------------------------------------------------------------------------

CREATE UNLOGGED TABLE populate.room AS
WITH asked AS (
    SELECT populate.setting('events', '50000')::numeric AS events,
        populate.setting('rooms', '0')::bigint AS rooms
), kinds (members, share) AS (
    VALUES (10000, 1), (1000, 4), (200, 20), (50, 200), (10, 800), (2, 3000)
), sizes AS (
    SELECT least(members, greatest(2, events / 25))::bigint AS members,
        greatest(1, round(share * events / 1000000))::bigint AS count
    FROM kinds, asked WHERE rooms = 0
    UNION ALL SELECT 2, rooms FROM asked WHERE rooms > 0
), numbered AS (
    SELECT row_number() OVER (ORDER BY members DESC, n) AS number, members
    FROM sizes, generate_series(1, sizes.count) AS n
)
SELECT number, members,
    '!' || substr(translate(populate.digest('room ' || number || populate.setting('seed', '1')), '+/', 'ab'), 1, 18)
        || ':' || populate.setting('server', 'bench.local') AS room_id,
    (rooms > 0 OR members BETWEEN 10 AND 1000) AS is_public,
    -- How much of the remaining events it gets.
    power(members, 0.6) * (50 + populate.pick('weight ' || number, 100)) AS weight,
    0::bigint AS messages
FROM numbered, asked;
ALTER TABLE populate.room ADD PRIMARY KEY (number);

UPDATE populate.room r SET messages = floor(
    greatest(0, populate.setting('events', '50000')::bigint - taken) * r.weight / total)
FROM (SELECT sum(members + 5) AS taken, sum(weight) AS total FROM populate.room) x;

-- Everybody who is in a room: user 1, and others in turn.
CREATE FUNCTION populate.member(room bigint, index bigint, users bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE index WHEN 0 THEN 1 ELSE 2 + mod(room * 7919 + index, users - 1) END
$$;

CREATE UNLOGGED TABLE populate.users AS
SELECT n AS number, populate.user_id(n) AS user_id
FROM generate_series(1, (SELECT greatest(100, max(members)) FROM populate.room)) AS n;

-- What happens in each room, in order: six events that make it, then joins and messages.
CREATE UNLOGGED TABLE populate.plan AS
WITH happening AS (
    SELECT number, 0 AS kind, n AS place, n * 0.0001 AS moment FROM populate.room, generate_series(1, 6) AS n
    UNION ALL
    SELECT number, 1, n, 0.001 + 0.5 * populate.pick('join ' || number || ' ' || n, 1000000) / 1000000
    FROM populate.room, generate_series(1, members - 1) AS n
    UNION ALL
    SELECT number, 2, n, 0.001 + populate.pick('message ' || number || ' ' || n, 1000000) / 1000000.0
    FROM populate.room, generate_series(1, messages) AS n
), placed AS (
    SELECT number, kind, place, moment,
        0.7 * populate.pick('start ' || number, 1000) / 1000 AS start FROM happening
)
SELECT number AS room, kind, row_number() OVER (PARTITION BY number ORDER BY moment, kind, place) AS depth,
    row_number() OVER (ORDER BY start + (1 - start) * moment, number, moment, kind, place) AS stream
FROM placed;

-- Events ----------------------------------------------------------------------------------------------------------

CREATE TYPE populate.made AS (
    room bigint, stream bigint, depth bigint, event_id text, type text, state_key text, sender text, ts bigint,
    json text, previous text, auth text[], state_group bigint, replaces text, membership text, display_name text,
    relates_to text, relation text, relation_key text, redacts text, txn_id text
);

CREATE FUNCTION populate.chain() RETURNS SETOF populate.made LANGUAGE plpgsql AS $$
DECLARE
    server text := populate.setting('server', 'bench.local');
    user_count bigint := (SELECT count(*) FROM populate.users);
    prose text := (SELECT string_agg(
        (ARRAY['the','room','worker','message','today','please','stream','a','of','and','reads','writes','sync','server',
            'why','not','tomorrow','with','database','commit'])[1 + populate.pick('word ' || n, 20)], ' ')
        FROM generate_series(1, 2000) AS n);
    item record; made populate.made;
    room bigint := 0; room_id text; joined bigint; members bigint[]; joins text[];
    create_id text; levels_id text; rules_id text; topic_id text; topic text; plain_id text; plain_sender text;
    sender_index bigint; dice bigint; content text; kept text; place text; unsigned text; head text; tail text;
    group_number bigint := 0; hash text;
BEGIN
    FOR item IN SELECT p.*, r.room_id AS name, r.is_public FROM populate.plan p
        JOIN populate.room r ON r.number = p.room ORDER BY p.room, p.depth
    LOOP
        IF item.room <> room THEN
            room := item.room; room_id := item.name; joined := 0; members := '{}'; joins := '{}';
            topic_id := NULL; plain_id := NULL; made.previous := NULL;
        END IF;
        made.room := room; made.stream := item.stream; made.depth := item.depth;
        made.ts := 1795000000000 + item.stream * 400;
        made.state_key := NULL; made.replaces := NULL; made.membership := NULL; made.display_name := NULL;
        made.relates_to := NULL; made.relation := NULL; made.relation_key := NULL; made.redacts := NULL;
        made.txn_id := NULL; unsigned := ''; kept := '{}';
        IF item.kind = 0 THEN
            made.state_key := ''; made.sender := populate.user_id(1);
            made.type := (ARRAY['m.room.create', 'm.room.member', 'm.room.power_levels', 'm.room.join_rules',
                'm.room.history_visibility', 'm.room.name'])[item.depth];
            made.auth := CASE item.depth WHEN 1 THEN '{}' WHEN 2 THEN ARRAY[create_id]
                WHEN 3 THEN ARRAY[create_id, joins[1]] ELSE ARRAY[create_id, joins[1], levels_id] END;
            content := (ARRAY['{"room_version":"11"}', '', '{"ban":50,"events":{"m.room.history_visibility":100,'
                || '"m.room.name":50,"m.room.power_levels":100},"events_default":0,"invite":0,"kick":50,"redact":50,'
                || '"state_default":50,"users":{"' || made.sender || '":100},"users_default":0}',
                '{"join_rule":"' || CASE WHEN item.is_public OR room = 1 THEN 'public' ELSE 'invite' END || '"}',
                '{"history_visibility":"shared"}', '{"name":"Room ' || room || '"}'])[item.depth];
            kept := content;
            IF item.depth = 6 THEN kept := '{}'; END IF;
        END IF;
        IF item.kind = 1 OR item.kind = 0 AND item.depth = 2 THEN
            joined := joined + 1;
            members[joined] := populate.member(room, joined - 1, user_count);
            made.type := 'm.room.member'; made.sender := populate.user_id(members[joined]);
            made.state_key := made.sender; made.membership := 'join';
            made.display_name := 'User ' || members[joined];
            content := '{"displayname":"' || made.display_name || '","membership":"join"}';
            kept := '{"membership":"join"}';
            IF item.kind = 1 THEN made.auth := ARRAY[create_id, levels_id, rules_id]; END IF;
        ELSIF item.kind = 2 THEN
            dice := populate.pick('dice ' || item.stream, 1000);
            -- Few say most.
            sender_index := 1 + mod(populate.pick('sender ' || item.stream, 1000003), least(joined,
                CASE WHEN mod(dice, 4) = 0 THEN joined ELSE 1 + joined / 10 END));
            made.sender := populate.user_id(members[sender_index]);
            made.type := 'm.room.message';
            made.txn_id := 'm' || item.stream;
            place := substr(prose, 1 + populate.pick('from ' || item.stream, 8000)::int,
                CASE WHEN dice < 30 THEN 1500 ELSE 15 + populate.pick('length ' || item.stream, 150)::int END);
            content := '{"body":"' || place || '","msgtype":"m.text"}';
            IF dice < 60 THEN
                made.type := 'm.room.encrypted';
                content := '{"algorithm":"m.megolm.v1.aes-sha2","ciphertext":"'
                    || repeat(populate.digest('cipher ' || item.stream), 9) || '","device_id":"DEVICE","sender_key":"'
                    || populate.digest('key ' || made.sender) || '","session_id":"' || populate.digest('session ' || room)
                    || '"}';
            ELSIF dice < 63 AND sender_index = 1 THEN
                made.type := 'm.room.topic'; made.state_key := ''; made.txn_id := NULL;
                content := '{"topic":"' || place || '"}';
                IF topic_id IS NOT NULL THEN
                    made.replaces := topic_id;
                    unsigned := ',"unsigned":{"prev_content":' || topic || ',"prev_sender":"' || populate.user_id(members[1])
                        || '","replaces_state":"' || topic_id || '"}';
                END IF;
            ELSIF plain_id IS NOT NULL AND dice BETWEEN 100 AND 149 THEN
                made.type := 'm.reaction'; made.relates_to := plain_id; made.relation := 'm.annotation';
                made.relation_key := (ARRAY['👍', '❤️', '🎉'])[1 + mod(dice, 3)];
                content := '{"m.relates_to":{"event_id":"' || plain_id || '","key":"' || made.relation_key
                    || '","rel_type":"m.annotation"}}';
            ELSIF plain_id IS NOT NULL AND dice BETWEEN 150 AND 179 THEN
                made.relates_to := plain_id; made.relation := 'm.thread';
                content := '{"body":"' || place || '","m.relates_to":{"event_id":"' || plain_id
                    || '","rel_type":"m.thread"},"msgtype":"m.text"}';
            ELSIF plain_id IS NOT NULL AND dice BETWEEN 180 AND 199 THEN
                made.sender := plain_sender; made.relates_to := plain_id; made.relation := 'm.replace';
                content := '{"body":"* ' || place || '","m.new_content":{"body":"' || place
                    || '","msgtype":"m.text"},"m.relates_to":{"event_id":"' || plain_id
                    || '","rel_type":"m.replace"},"msgtype":"m.text"}';
            ELSIF plain_id IS NOT NULL AND dice BETWEEN 200 AND 209 THEN
                made.type := 'm.room.redaction'; made.sender := plain_sender; made.redacts := plain_id;
                content := '{"redacts":"' || plain_id || '"}'; kept := content;
            END IF;
            sender_index := array_position(members, ltrim(split_part(made.sender, ':', 1), '@user')::bigint);
            made.auth := ARRAY[create_id, levels_id, joins[sender_index]];
        END IF;
        made.auth := ARRAY(SELECT a FROM unnest(made.auth) AS a ORDER BY a COLLATE "C");
        -- Canonical JSON has its keys in order, so the parts can be put together.
        head := '{"auth_events":[' || coalesce((SELECT string_agg('"' || a || '"', ',') FROM unnest(made.auth) AS a), '')
            || '],"content":';
        tail := ',"origin_server_ts":' || made.ts || ',"prev_events":[' || coalesce('"' || made.previous || '"', '')
            || '],"room_id":"' || room_id || '","sender":"' || made.sender || '"';
        place := coalesce(',"state_key":"' || made.state_key || '"', '') || ',"type":"' || made.type || '"';
        hash := ',"hashes":{"sha256":"'
            || populate.digest(head || content || ',"depth":' || made.depth || tail || place || '}') || '"}';
        made.event_id := '$' || translate(populate.digest(
            head || kept || ',"depth":' || made.depth || hash || tail || place || '}'), '+/', '-_');
        made.json := head || content || ',"depth":' || made.depth || hash || tail || ',"signatures":{"' || server
            || '":{"ed25519:a_bench":"' || populate.base64(sha512(convert_to(made.event_id, 'UTF8'))) || '"}}'
            || place || unsigned || '}';
        IF made.state_key IS NOT NULL THEN
            group_number := group_number + 1;
            CASE made.type
                WHEN 'm.room.create' THEN create_id := made.event_id;
                WHEN 'm.room.power_levels' THEN levels_id := made.event_id;
                WHEN 'm.room.join_rules' THEN rules_id := made.event_id;
                WHEN 'm.room.topic' THEN topic_id := made.event_id; topic := content;
                WHEN 'm.room.member' THEN joins[joined] := made.event_id;
                ELSE NULL;
            END CASE;
        ELSIF made.type = 'm.room.message' AND made.relation IS NULL THEN
            plain_id := made.event_id; plain_sender := made.sender;
        ELSIF made.redacts IS NOT NULL THEN plain_id := NULL;
        END IF;
        made.state_group := group_number;
        RETURN NEXT made;
        made.previous := made.event_id;
    END LOOP;
END
$$;

CREATE UNLOGGED TABLE populate.event AS SELECT * FROM populate.chain();
CREATE INDEX ON populate.event (room, depth);
CREATE INDEX ON populate.event (stream);
ANALYZE populate.event;
ANALYZE populate.room;

INSERT INTO users (name, creation_ts)
SELECT user_id, 1790000000 FROM populate.users;
INSERT INTO devices (user_id, device_id, display_name, last_seen, ip, user_agent)
SELECT user_id, 'DEVICE', 'A device', 1795000000000, '127.0.0.1', 'populate' FROM populate.users;
INSERT INTO access_tokens (id, user_id, device_id, token, used)
SELECT number, user_id, 'DEVICE', 'token' || number, true FROM populate.users;
INSERT INTO profiles (user_id, displayname, full_user_id)
SELECT 'user' || number, 'User ' || number, user_id FROM populate.users;

INSERT INTO rooms (room_id, is_public, creator, room_version, has_auth_chain_index)
SELECT room_id, is_public, populate.user_id(1), '11', false FROM populate.room ORDER BY number;
DO $$ BEGIN
    IF to_regclass('room_listings') IS NOT NULL THEN
        INSERT INTO room_listings (room_id) SELECT room_id FROM rooms WHERE is_public;
    END IF;
END $$;
INSERT INTO room_depth (room_id, min_depth) SELECT room_id, 1 FROM populate.room;

INSERT INTO events (stream_ordering, topological_ordering, depth, event_id, room_id, type, state_key, processed, outlier,
    origin_server_ts, received_ts, sender, contains_url, instance_name)
SELECT e.stream, e.depth, e.depth, e.event_id, r.room_id, e.type, e.state_key, true, false, e.ts, e.ts, e.sender, false,
    'master'
FROM populate.event e JOIN populate.room r ON r.number = e.room ORDER BY e.stream;
INSERT INTO event_json (event_id, room_id, internal_metadata, json, format_version)
SELECT e.event_id, r.room_id,
    CASE WHEN e.txn_id IS NULL THEN '{}' ELSE '{"device_id":"DEVICE","txn_id":"' || e.txn_id || '"}' END, e.json, 3
FROM populate.event e JOIN populate.room r ON r.number = e.room ORDER BY e.stream;
INSERT INTO event_edges (event_id, prev_event_id, is_state)
SELECT event_id, previous, false FROM populate.event WHERE previous IS NOT NULL ORDER BY stream;
INSERT INTO event_auth (event_id, auth_id, room_id)
SELECT e.event_id, a, r.room_id FROM populate.event e JOIN populate.room r ON r.number = e.room, unnest(e.auth) AS a
ORDER BY e.stream;
INSERT INTO event_forward_extremities (event_id, room_id)
SELECT DISTINCT ON (e.room) e.event_id, r.room_id FROM populate.event e JOIN populate.room r ON r.number = e.room
ORDER BY e.room, e.depth DESC;
INSERT INTO state_events (event_id, room_id, type, state_key)
SELECT e.event_id, r.room_id, e.type, e.state_key FROM populate.event e JOIN populate.room r ON r.number = e.room
WHERE e.state_key IS NOT NULL ORDER BY e.stream;
INSERT INTO room_memberships (event_stream_ordering, event_id, user_id, sender, room_id, membership, display_name)
SELECT e.stream, e.event_id, e.state_key, e.sender, r.room_id, e.membership, e.display_name
FROM populate.event e JOIN populate.room r ON r.number = e.room WHERE e.membership IS NOT NULL ORDER BY e.stream;
INSERT INTO local_current_membership (event_stream_ordering, event_id, user_id, room_id, membership)
SELECT event_stream_ordering, event_id, user_id, room_id, membership FROM room_memberships
ORDER BY event_stream_ordering;
INSERT INTO current_state_events (event_stream_ordering, event_id, room_id, type, state_key, membership)
SELECT DISTINCT ON (e.room, e.type, e.state_key) e.stream, e.event_id, r.room_id, e.type, e.state_key, e.membership
FROM populate.event e JOIN populate.room r ON r.number = e.room WHERE e.state_key IS NOT NULL
ORDER BY e.room, e.type, e.state_key, e.depth DESC;
INSERT INTO current_state_delta_stream (stream_id, event_id, room_id, type, state_key, prev_event_id, instance_name)
SELECT e.stream, e.event_id, r.room_id, e.type, e.state_key, e.replaces, 'master'
FROM populate.event e JOIN populate.room r ON r.number = e.room
WHERE e.state_key IS NOT NULL AND populate.setting('deltas', 'on') = 'on' ORDER BY e.stream;

-- A group for each state event: a change to the one before, or every so often the whole state.
CREATE UNLOGGED TABLE populate.groups AS
SELECT *, mod(row_number() OVER (PARTITION BY room ORDER BY depth) - 1, 100) AS hops,
    lag(state_group) OVER (PARTITION BY room ORDER BY depth) AS previous_group
FROM (SELECT room, depth, state_group, event_id, type, state_key FROM populate.event WHERE state_key IS NOT NULL) e;
INSERT INTO state_groups (id, room_id, event_id)
SELECT g.state_group, r.room_id, g.event_id FROM populate.groups g JOIN populate.room r ON r.number = g.room
ORDER BY g.state_group;
INSERT INTO state_group_edges (state_group, prev_state_group)
SELECT state_group, previous_group FROM populate.groups WHERE hops > 0 ORDER BY state_group;
INSERT INTO state_groups_state (state_group, room_id, type, state_key, event_id)
SELECT g.state_group, r.room_id, g.type, g.state_key, g.event_id
FROM populate.groups g JOIN populate.room r ON r.number = g.room WHERE g.hops > 0
UNION ALL
SELECT DISTINCT ON (g.state_group, s.type, s.state_key) g.state_group, r.room_id, s.type, s.state_key, s.event_id
FROM populate.groups g JOIN populate.room r ON r.number = g.room
JOIN populate.groups s ON s.room = g.room AND s.depth <= g.depth
WHERE g.hops = 0 ORDER BY 1, 3, 4;
INSERT INTO event_to_state_groups (event_id, state_group)
SELECT event_id, state_group FROM populate.event ORDER BY stream;

INSERT INTO event_relations (event_id, relates_to_id, relation_type, aggregation_key)
SELECT event_id, relates_to, relation, relation_key FROM populate.event WHERE relates_to IS NOT NULL ORDER BY stream;
INSERT INTO redactions (event_id, redacts, received_ts, recheck)
SELECT event_id, redacts, ts, false FROM populate.event WHERE redacts IS NOT NULL ORDER BY stream;
INSERT INTO threads (room_id, thread_id, latest_event_id, topological_ordering, stream_ordering)
SELECT DISTINCT ON (e.room, e.relates_to) r.room_id, e.relates_to, e.event_id, e.depth, e.stream
FROM populate.event e JOIN populate.room r ON r.number = e.room WHERE e.relation = 'm.thread'
ORDER BY e.room, e.relates_to, e.depth DESC;
-- The transactions of the last day.
INSERT INTO event_txn_id_device_id (event_id, room_id, user_id, device_id, txn_id, inserted_ts)
SELECT e.event_id, r.room_id, e.sender, 'DEVICE', e.txn_id, e.ts
FROM populate.event e JOIN populate.room r ON r.number = e.room
WHERE e.txn_id IS NOT NULL AND e.stream > (SELECT max(stream) * 0.8 FROM populate.event) ORDER BY e.stream;

-- Up to 500 members of each room have read it to one of its last twenty events.
INSERT INTO receipts_linearized (stream_id, room_id, receipt_type, user_id, event_id, data, instance_name,
    event_stream_ordering)
SELECT row_number() OVER (ORDER BY e.stream, m.index), r.room_id, 'm.read', populate.user_id(m.member), e.event_id,
    '{"ts":' || e.ts || '}', 'master', e.stream
FROM populate.room r
CROSS JOIN LATERAL (SELECT max(depth) AS last FROM populate.event WHERE room = r.number) x
CROSS JOIN LATERAL (
    SELECT index, populate.member(r.number, index, (SELECT count(*) FROM populate.users)) AS member
    FROM generate_series(0, least(500, r.members) - 1) AS index
) m
JOIN populate.event e ON e.room = r.number AND e.depth = x.last - mod(m.index, 20);
INSERT INTO receipts_graph (room_id, receipt_type, user_id, event_ids, data)
SELECT room_id, receipt_type, user_id, '["' || event_id || '"]', data FROM receipts_linearized;

SELECT setval('events_stream_seq', (SELECT max(stream) FROM populate.event)),
    setval('state_group_id_seq', (SELECT max(state_group) FROM populate.event)),
    setval('receipts_sequence', (SELECT max(stream_id) FROM receipts_linearized));
DROP SCHEMA populate CASCADE;
COMMIT;
