import Bytes
import Reactor
import ReplicationWire
import Testing

@testable import ReplicationTool

private func entry(_ text: String) throws -> CaptureLine? {
    let bytes = Array(text.utf8)
    return try CaptureLine(parsing: bytes.span.bytes)
}

private func main(_ text: String, _ dialect: Dialect) throws -> MainLine {
    let bytes = Array(text.utf8)
    return try MainLine(reading: bytes.span.bytes, dialect: dialect)
}

@Suite("Lines of a capture")
struct CaptureLineTests {
    @Test("have a time, a connection and a direction") func haveTimeConnection() throws {
        let line = try #require(try entry("1795412993.272 4 > PING 5"))
        #expect(line.milliseconds == 1_795_412_993_272)
        #expect(line.connection == 4)
        #expect(line.direction == .fromMain)
        #expect(line.start == "1795412993.272 4 > ".count)
        #expect(try entry("5.1 0 < NAME a b")?.milliseconds == 5100)
        #expect(try entry("5 0 * EOF")?.milliseconds == 5000)
        #expect(try entry("5.1234567 0 * EOF")?.milliseconds == 5123)
    }

    @Test("may be remarks", arguments: ["", "# a remark", "1795412993.272 # a remark"])
    func mayBeRemarks(text: String) throws { #expect(try entry(text) == nil) }

    @Test(
        "that are wrong say where",
        arguments: [
            ("x", "expected"), ("1795412993.272 4 >", "expected"), ("1 2 3", "expected"),
            ("then 4 > PING 5", "the time"), ("1.x 4 > PING 5", "the time"),
            ("-1 4 > PING 5", "the time"), ("1 four > PING 5", "the connection"),
            ("1 -4 > PING 5", "the connection"), ("1 4 = PING 5", "the direction"),
            ("1 4 >> PING 5", "expected"),
        ])
    func wrongSayWhere(text: String, reason: String) {
        #expect { try entry(text) } throws: { error in
            (error as? CaptureLine.Mistake)?.text.hasPrefix(reason) == true
        }
    }

    @Test("never trap, whatever is in them") func neverTrapWhatever() {
        var random = SystemRandomNumberGenerator()
        let alphabet = Array("0123456789.# ><*-ab\u{0}ä".utf8)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0..<24, using: &random)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            _ = try? CaptureLine(parsing: bytes.span.bytes)
            _ = try? MainLine(reading: bytes.span.bytes, dialect: .classic)
            _ = try? MainLine(reading: bytes.span.bytes, dialect: .named)
        }
    }
}

@Suite("Lines of a main")
struct MainLineTests {
    @Test("tell their stream and where the token stands") func tellTheirStream() throws {
        let line = "RDATA events 29 [\"$1\",\"!r\"]"
        let row = try main(line, .classic)
        #expect(row.kind == .row(.events, token: 29))
        #expect(row.tokenRange == 13..<15)
        #expect(try main("RDATA events batch [1]", .classic).kind == .row(.events, token: nil))
        #expect(
            try main("RDATA events master 7 [1]", .named).kind == .row(.events, token: 7))
        #expect(
            try main("POSITION caches master 4 9", .named).kind == .position(.caches, token: 9))
        #expect(try main("POSITION caches master 4", .named).kind == .position(.caches, token: 4))
        #expect(try main("SYNC x", .classic).kind == .other)
        #expect(try main("PING 5", .classic).kind == .own)
    }

    @Test("give their dialect away") func giveTheirDialect() {
        func dialect(_ text: String) -> Dialect? {
            let bytes = Array(text.utf8)
            return MainLine.dialect(of: bytes.span.bytes)
        }
        #expect(dialect("RDATA events 7 [1]") == .classic)
        #expect(dialect("RDATA events batch [1]") == .classic)
        #expect(dialect("RDATA events master 7 [1]") == .named)
        #expect(dialect("POSITION events 7") == .classic)
        #expect(dialect("POSITION events master 7 7") == .named)
        #expect(dialect("SERVER a") == nil)
    }
}

@Suite("The text of a capture")
struct CaptureTextTests {
    @Test("has the same lines wherever it is cut") func hasSameLines() {
        let bytes = Array("a\r\n\nbc\n# d\n\r\nlast".utf8)
        let expected = ["1:a", "2:", "3:bc", "4:# d", "5:", "6:last"]
        for first in 0...bytes.count {
            for second in first...bytes.count {
                var text = CaptureText()
                var lines: [String] = []
                for piece in [bytes[..<first], bytes[first..<second], bytes[second...]] {
                    text.append(Array(piece)) { lines.append("\($1):\($0.string)") }
                }
                text.finish { lines.append("\($1):\($0.string)") }
                #expect(lines == expected)
            }
        }
    }
}

@Suite("Scanned captures")
struct ScanTests {
    @Test("know each connection's streams") func knowEachConnections() throws {
        let capture = try onLoop { loop in
            let capture = try await Capture(
                scanning: Files.capture("synapse-2017-04"), dialect: nil, on: loop)
            return (capture.dialect, capture.richest, capture.connections[1])
        }
        #expect(capture.0 == .classic)
        #expect(capture.1 == 1)
        #expect(capture.2?.rows == 307)
        #expect(capture.2?.streams[.events]?.base == 29)
    }

    @Test("are named where they are") func namedWhereThey() throws {
        let dialect = try onLoop { loop in
            try await Capture(
                scanning: Files.capture("synapse-1.66"), dialect: nil, on: loop
            ).dialect
        }
        #expect(dialect == .named)
    }

    @Test(
        "that cannot be played say in which line",
        arguments: [
            ("1 1 > PING 1\n1 1 > RDATA events 5 x\n", ":2: failed to parse line for RDATA"),
            ("\n# a\n1 1 > NAME x\n", ":3: NAME is nothing that a main sends"),
            ("1 1 > FOO x", ":1: invalid command: FOO"), ("what?\n", ":1: expected"),
            ("1 1 > RDATA events 5 [1]\n1 1 > RDATA events master 6 [1]\n", ":2: "),
        ])
    func cannotBePlayed(text: String, reason: String) throws {
        let file = try Files.temporary(text)
        defer { Files.remove(file) }
        #expect {
            try onLoop { loop in
                _ = try await Capture(scanning: file, dialect: nil, on: loop)
            }
        } throws: { "\($0)".hasPrefix("\(file)\(reason)") }
    }
}
