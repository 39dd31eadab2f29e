import Bytes
import Postgres
import Reactor
import TestSupport
import Testing

@Suite struct TypesTests {
    @Test(arguments: backends) func scalarsMakeTheRoundTrip(_ backend: EventLoop.Backend) throws {
        try withPool(backend) { pool, loop in
            let echo = Statement(
                "echo",
                """
                SELECT $1::text, $2::bigint, $3::int, $4::smallint, $5::boolean, $6::bytea,
                       $7::float8, $8::float4, $9::numeric
                """)
            let bytes = (0...255).map { UInt8($0) }
            let text = "Grüße, \u{1F30D} 'quoted' \"double\" \\ back\nline\u{1}"
            let rows = try await pool.query(
                echo,
                [
                    .text(text), .integer(.min), -2_147_483_648, 32_767, true, .bytes(bytes),
                    .double(0.1), 1.5, .integer(.max),
                ], on: loop)
            let row = try #require(rows.first)
            #expect(try row.text(0) == text)
            #expect(try row.integer(1) == .min)
            #expect(try row.integer(2) == -2_147_483_648)
            #expect(try row.integer(3) == 32_767)
            #expect(try row.bool(4))
            #expect(try row.bytes(5) == bytes)
            #expect(try row.double(6) == 0.1)
            #expect(try row.double(7) == 1.5)
            #expect(try row.integer(8) == .max)
            #expect(rows.columnNames.first == "text")

            let nulls = try await pool.query(
                echo, Array(repeating: nil, count: 9), on: loop)
            for column in 0..<9 {
                #expect(nulls[0].isNull(column))
            }
            #expect(try nulls[0].optionalText(0) == nil)
            #expect(try nulls[0].optionalInteger(1) == nil)
            #expect(try nulls[0].optionalBool(4) == nil)
            #expect(try nulls[0].optionalBytes(5) == nil)
            #expect(try nulls[0].optionalDouble(6) == nil)
            #expect(throws: PostgresError.self) { try nulls[0].text(0) }
            #expect(throws: PostgresError.self) { try nulls[0].integer(1) }
        }
    }

    @Test func emptyIsNotNull() throws {
        try withPool(.epoll) { pool, loop in
            let row = try await pool.query(
                Statement(unprepared: "SELECT $1::text, $2::bytea, $3::text[], $4::bigint[]"),
                ["", .bytes([]), .textArray([]), .integerArray([])], on: loop)[0]
            #expect(try row.optionalText(0) == "")
            #expect(try row.optionalBytes(1) == [])
            #expect(try row.optionalTextArray(2) == [])
            #expect(try row.optionalIntegerArray(3) == [])
        }
    }

    @Test func arraysMakeTheRoundTrip() throws {
        try withPool(.epoll) { pool, loop in
            let texts = [
                "plain", "", "NULL", "a,b", "{x}", "quote\"s", "back\\slash", "line\nfeed",
                " space ", "ü\u{1F30D}",
            ]
            let numbers: [Int64] = [.min, -1, 0, 1, .max]
            let row = try await pool.query(
                Statement("arrays", "SELECT $1::text[], $2::bigint[], $3::int[], $4::bytea[]"),
                [
                    .textArray(texts), .integerArray(numbers), .integerArray([1, -2]),
                    .bytesArray([[], [0, 255]]),
                ], on: loop)[0]
            #expect(try row.textArray(0) == texts)
            #expect(try row.integerArray(1) == numbers)
            #expect(try row.integerArray(2) == [1, -2])
            #expect(throws: PostgresError.self) { try row.textArray(1) }
            #expect(throws: PostgresError.self) { try row.integerArray(0) }
            #expect(throws: PostgresError.self) { try row.textArray(3) }

            let found = try await pool.query(
                Statement("any", "SELECT n FROM generate_series(1, 9) n WHERE n = ANY($1)"),
                [.integerArray([3, 5, 11])], on: loop)
            #expect(try found.map { try $0.integer(0) } == [3, 5])

            let unnested = try await pool.query(
                Statement(
                    "unnest",
                    "SELECT t, b, x FROM unnest($1::text[], $2::bool[], $3::bytea[]) AS u(t, b, x)"),
                [
                    .optionalTextArray(["a", nil]), .boolArray([true, false]),
                    .bytesArray([[1], [0xab, 0xcd]]),
                ], on: loop)
            #expect(try unnested.map { try $0.optionalText(0) } == ["a", nil])
            #expect(try unnested.map { try $0.bool(1) } == [true, false])
            #expect(try unnested.map { try $0.bytes(2) } == [[1], [0xab, 0xcd]])
            let nulls = try await pool.query(
                Statement(unprepared: "SELECT ARRAY['a', NULL], ARRAY[[1,2],[3,4]]"), on: loop)
            #expect(throws: PostgresError.self) { try nulls[0].textArray(0) }
            #expect(throws: PostgresError.self) { try nulls[0].integerArray(1) }
        }
    }

    @Test func numericsAreIntegersWhereTheyCanBe() throws {
        let integers = [
            "0", "1", "-1", "10000", "-10000", "99999999", "123456789012345678",
            "9223372036854775807", "-9223372036854775808", "100000000000000000",
        ]
        let others = [
            "0.5", "9223372036854775808", "-9223372036854775809", "1e30", "NaN", "0.0001",
        ]
        try withPool(.epoll) { pool, loop in
            for text in integers {
                let row = try await pool.query(
                    Statement(
                        unprepared: "SELECT '\(text)'::numeric, '\(text).000'::numeric(40,3)"),
                    on: loop)[0]
                #expect(try row.integer(0) == Int64(text))
                #expect(try row.integer(1) == Int64(text))
                #expect(try row.double(0) == Double(text))
            }
            for text in others {
                let row = try await pool.query(
                    Statement(unprepared: "SELECT '\(text)'::numeric"), on: loop)[0]
                #expect(throws: PostgresError.self) { try row.integer(0) }
                let value = try row.double(0)
                #expect(value.isNaN ? text == "NaN" : value == Double(text))
            }
        }
    }

    @Test func doublesKeepEveryBit() throws {
        try withPool(.epoll) { pool, loop in
            for value in [
                0, -0.0, .greatestFiniteMagnitude, .leastNonzeroMagnitude, .pi, .infinity,
                -.infinity, 1e-5, 1e22,
            ] as [Double] {
                let row = try await pool.query(
                    Statement("double", "SELECT $1::float8"), [.double(value)], on: loop)[0]
                #expect(try row.double(0).bitPattern == value.bitPattern)
            }
            let row = try await pool.query(
                Statement("double", "SELECT $1::float8"), [.double(.nan)], on: loop)[0]
            #expect(try row.double(0).isNaN)
        }
    }

    @Test func oneParameterFitsTheColumnsType() throws {
        try withPool(.epoll) { pool, loop in
            try await pool.execute(
                script: """
                    CREATE TABLE t (s smallint, i integer, b bigint, n numeric, j jsonb, x json,
                                    v varchar(9), p boolean);
                    """, on: loop)
            let insert = Statement(
                "insert", "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
            let result = try await pool.query(
                insert, [1, 2, 3, 4, #"{"a": [1]}"#, #"{"b":2}"#, "text", false], on: loop)
            #expect(result.affectedCount == 1)
            #expect(result.isEmpty)
            let row = try await pool.query(Statement("all", "SELECT * FROM t"), on: loop)[0]
            #expect(try (0..<4).map { try row.integer($0) } == [1, 2, 3, 4])
            #expect(try row.text(4) == #"{"a": [1]}"#)
            #expect(try row.text(5) == #"{"b":2}"#)
            #expect(try row.text(6) == "text")
            let length = row.withBytes(4) { $0?.byteCount }
            #expect(length == 10)
        }
    }

    @Test func aWrongTypeSaysWhichColumn() throws {
        try withPool(.epoll) { pool, loop in
            let row = try await pool.query(
                Statement(unprepared: "SELECT 'x' AS word, 1 AS number, true AS flag"), on: loop)[0]
            let error = #expect(throws: PostgresError.self) { try row.integer(0) }
            #expect(error?.code == .decoding)
            #expect(error?.message == "column 0 (word) is text, not an integer")
            #expect(throws: PostgresError.self) { try row.text(1) }
            #expect(throws: PostgresError.self) { try row.bytes(1) }
            #expect(throws: PostgresError.self) { try row.bool(0) }
            #expect(throws: PostgresError.self) { try row.double(2) }
            #expect(throws: PostgresError.self) { try row.textArray(0) }
        }
    }

    @Test func textWithAZeroByteIsRefused() throws {
        try withPool(.epoll) { pool, loop in
            let echo = Statement("echo", "SELECT $1::text")
            let arrays = Statement("arrays", "SELECT $1::text[]")
            for (statement, value) in [
                (echo, PostgresValue.text("a\0b")), (arrays, .textArray(["a", "\0"])),
                (arrays, .optionalTextArray([nil, "\0"])),
            ] {
                let error = await postgresError(on: loop) {
                    _ = try await pool.query(statement, [value], on: loop)
                }
                #expect(error?.code == .encoding)
            }
            let last = try await pool.query(echo, ["fine"], on: loop)[0].text(0)
            #expect(last == "fine")
        }
    }

    @Test func rowsMayLeaveTheLoop() throws {
        let rows = try withPool(.epoll) { pool, loop in
            try await pool.query(
                Statement("series", "SELECT n, 'row ' || n FROM generate_series(1, 1000) n"),
                on: loop)
        }
        #expect(rows.count == 1000)
        #expect(try rows.reduce(0) { try $0 + $1.integer(0) } == 500_500)
        #expect(try rows.last?.text(1) == "row 1000")
    }

    @Test(arguments: [UInt64(1), 2, 3]) func randomValuesMakeTheRoundTrip(_ seed: UInt64) throws {
        try withPool(.epoll) { pool, loop in
            var random = SplitMix(state: seed)
            let echo = Statement(
                "echo", "SELECT $1::text[], $2::bigint[], $3::text, $4::bytea, $5::numeric")
            for _ in 0..<100 {
                let texts = (0..<Int.random(in: 0...8, using: &random)).map { _ in
                    Self.randomText(using: &random)
                }
                let numbers = (0..<Int.random(in: 0...8, using: &random)).map { _ in
                    Int64(bitPattern: random.next()) >> Int64.random(in: 0...63, using: &random)
                }
                let text = Self.randomText(using: &random)
                let bytes = (0..<Int.random(in: 0...300, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                let number =
                    Int64(bitPattern: random.next())
                    >> Int64.random(
                        in: 0...63, using: &random)
                let row = try await pool.query(
                    echo,
                    [
                        .textArray(texts), .integerArray(numbers), .text(text), .bytes(bytes),
                        .integer(number),
                    ], on: loop)[0]
                #expect(try row.textArray(0) == texts)
                #expect(try row.integerArray(1) == numbers)
                #expect(try row.text(2) == text)
                #expect(try row.bytes(3) == bytes)
                #expect(try row.integer(4) == number)
            }
        }
    }

    /// Text with an inclination to what arrays and quoting are made of; never a zero byte.
    private static func randomText(using random: inout SplitMix) -> String {
        let special = Array("{}\",\\' \n\tNULL%$")
        var text = ""
        for _ in 0..<Int.random(in: 0...12, using: &random) {
            if Bool.random(using: &random), let character = special.randomElement(using: &random) {
                text.append(character)
            } else if let scalar = Unicode.Scalar(UInt32.random(in: 1...0x10FFFF, using: &random)) {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}

/// A small generator whose numbers depend on nothing but its seed.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
