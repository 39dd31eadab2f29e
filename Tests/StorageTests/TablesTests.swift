import Postgres
import Reactor
import Testing

@testable import Storage

@Suite struct TablesTests {
    @Test func aNameIsTakenOnce() throws {
        try withDatabase { pool, loop in
            let first = try await Users.create(
                userID: "@a:x", passwordHash: "h", createdAt: 1, in: pool, on: loop)
            let second = try await Users.create(
                userID: "@a:x", passwordHash: "g", createdAt: 2, in: pool, on: loop)
            #expect(first && !second)
            let account = try await Users.account("@a:x", in: pool, on: loop)
            #expect(account?.passwordHash == "h")
        }
    }

    @Test func tokensEndWithTheirDevice() throws {
        try withDatabase { pool, loop in
            _ = try await Users.create(
                userID: "@a:x", passwordHash: nil, createdAt: 1, in: pool, on: loop)
            for (id, device) in [(Int64(1), "D1"), (2, "D1"), (3, "D2")] {
                try await AccessTokens.add(
                    id: id, token: "t\(id)", userID: "@a:x", deviceID: device, validUntil: nil,
                    now: 1, in: pool, on: loop)
            }
            let owner = try await AccessTokens.owner(of: "t1", in: pool, on: loop)
            #expect(owner?.deviceID == "D1")
            let ended = try await AccessTokens.remove(
                userID: "@a:x", deviceIDs: ["D1"], in: pool, on: loop)
            #expect(Set(ended) == ["t1", "t2"])
            #expect(try await AccessTokens.owner(of: "t1", in: pool, on: loop) == nil)
            #expect(try await AccessTokens.owner(of: "t3", in: pool, on: loop) != nil)
            #expect(try await AccessTokens.maximumID(in: pool, on: loop) == 3)
        }
    }

    @Test func equalFiltersShareAnId() throws {
        try withDatabase { pool, loop in
            var ids: [Int64] = []
            for json in ["{}", "{\"a\":1}", "{}"] {
                ids.append(
                    try await UserFilters.store(
                        Array(json.utf8), userID: "@a:x", localpart: "a", in: pool, on: loop))
            }
            #expect(ids == [0, 1, 0])
            let other = try await UserFilters.store(
                Array("{}".utf8), userID: "@b:x", localpart: "b", in: pool, on: loop)
            #expect(other == 0)
            let stored = try await UserFilters.filter(
                userID: "@a:x", filterID: 1, in: pool, on: loop)
            #expect(stored == Array("{\"a\":1}".utf8))
        }
    }

    @Test func concurrentUploadsOfFiltersDoNotCollide() throws {
        try withDatabase { pool, loop in
            let tasks = (0..<20).map { index in
                loop.spawn {
                    try? await UserFilters.store(
                        Array("{\"n\":\(index)}".utf8), userID: "@a:x", localpart: "a",
                        in: pool, on: loop)
                }
            }
            var ids: Set<Int64> = []
            for task in tasks { ids.insert(try #require(await task.value)) }
            #expect(ids == Set(0..<20))
        }
    }

    @Test func receiptsMoveForwardsOnly() throws {
        try withDatabase { pool, loop in
            for (event, position) in [("$1", 1), ("$2", 2)] {
                _ = try await pool.table(
                    """
                    INSERT INTO events (event_id, room_id, type, stream_ordering,
                        topological_ordering, processed, outlier)
                    VALUES ('\(event)', '!r:x', 'm', \(position), \(position), true, false)
                    """, on: loop)
            }
            let attempts: [(event: String, id: Int64, thread: String?)] = [
                ("$2", 1, nil), ("$1", 2, nil), ("$2", 3, nil), ("$unknown", 4, nil),
                ("$1", 5, "main"),
            ]
            var stored: [Bool] = []
            for attempt in attempts {
                let receipt = Receipts.Receipt(
                    roomID: "!r:x", type: "m.read", userID: "@a:x", eventID: attempt.event,
                    threadID: attempt.thread, data: "{\"ts\":1}")
                stored.append(
                    try await pool.transaction(on: loop) { connection in
                        try await Receipts.store(
                            receipt, streamID: attempt.id, in: connection, on: loop)
                    })
            }
            #expect(stored == [true, false, false, false, true])
            let updates = try await Receipts.updates(
                from: 0, to: 10, limit: 10, in: pool, on: loop)
            #expect(updates.map(\.streamID) == [1, 5])
            #expect(updates.map(\.receipt.threadID) == [nil, "main"])
            #expect(try await Receipts.maximumStreamID(in: pool, on: loop) == 5)
        }
    }

    @Test func accountDataAndTagsReplaceWhatWasThere() throws {
        try withDatabase { pool, loop in
            for (content, id) in [("{\"a\":1}", Int64(1)), ("{\"a\":2}", 2)] {
                try await AccountData.store(
                    userID: "@a:x", roomID: nil, type: "t", content: content, streamID: id,
                    in: pool, on: loop)
                try await AccountData.store(
                    userID: "@a:x", roomID: "!r:x", type: "t", content: content,
                    streamID: id + 10, in: pool, on: loop)
            }
            let changes = try await AccountData.updates(
                from: 0, to: 100, limit: 10, in: pool, on: loop)
            #expect(changes.map(\.streamID) == [2, 12])
            #expect(changes.map(\.roomID) == [nil, "!r:x"])
            try await RoomTags.set(
                "m.favourite", content: "{\"order\":0.5}", userID: "@a:x", roomID: "!r:x",
                streamID: 13, in: pool, on: loop)
            try await RoomTags.set(
                "u.x", content: "{}", userID: "@a:x", roomID: "!r:x", streamID: 14, in: pool,
                on: loop)
            try await RoomTags.set(
                "u.x", content: nil, userID: "@a:x", roomID: "!r:x", streamID: 15, in: pool,
                on: loop)
            let tags = try await RoomTags.tags(
                userID: "@a:x", roomID: "!r:x", in: pool, on: loop)
            #expect(tags.map(\.tag) == ["m.favourite"])
            #expect(try await AccountData.maximumStreamID(in: pool, on: loop) == 15)
            try await IgnoredUsers.replace(
                userID: "@a:x", ignored: ["@b:x", "@c:x"], in: pool, on: loop)
            try await IgnoredUsers.replace(
                userID: "@a:x", ignored: ["@c:x", "@d:x"], in: pool, on: loop)
            let ignored = try await IgnoredUsers.ignored(by: "@a:x", in: pool, on: loop)
            #expect(Set(ignored) == ["@c:x", "@d:x"])
        }
    }

    @Test func cacheInvalidationsKeepTheirKeys() throws {
        try withDatabase { pool, loop in
            try await CacheInvalidations.store(
                cache: "c", keys: ["a", "b c"], time: 7, streamID: 1, in: pool, on: loop)
            try await CacheInvalidations.store(
                cache: "d", keys: nil, time: 8, streamID: 2, in: pool, on: loop)
            let all = try await CacheInvalidations.updates(
                from: 0, to: 9, limit: 9, in: pool, on: loop)
            #expect(all.map(\.keys) == [["a", "b c"], nil])
            #expect(all.map(\.cache) == ["c", "d"])
        }
    }
}
