import Bytes
import JSON
import ReplicationWire
import Testing

@Suite("Captured sessions")
struct CaptureTests {
    static let sessions: [(String, Dialect, Int)] = [
        ("synapse-2017-04", .classic, 1491), ("synapse-1.66", .named, 1171),
    ]

    @Test(
        "Every line parses, was sent by who may send it, and means the same written again",
        arguments: sessions)
    func everyLine(session: (String, Dialect, Int)) throws {
        let (name, dialect, count) = session
        let capture = try Capture(name)
        #expect(capture.lines.count == count)
        for line in capture.lines {
            let command = try ReplicationCommand(parsing: line.text, dialect: dialect)
            #expect(
                line.isFromMain ? command.name.isSentByMain : command.name.isSentByWorker,
                "\(line.text)")
            let written = String(decoding: command.line(dialect: dialect), as: UTF8.self)
            #expect(written.hasSuffix("\n"))
            let again = try ReplicationCommand(
                parsing: String(written.dropLast()), dialect: dialect)
            #expect(again == command, "\(line.text)")
            // Everything but JSON is written byte for byte, and in 2017 that is too, but for
            // the order of an object's members.
            if command.name != .rowData, command.name != .userIP {
                #expect(written == line.text + "\n")
            }
        }
    }

    @Test(
        "Every row is of a known shape, and its JSON written again has the same value",
        arguments: sessions)
    func everyRow(session: (String, Dialect, Int)) throws {
        let (name, dialect, _) = session
        for line in try Capture(name).lines {
            guard
                case .rowData(let data) = try ReplicationCommand(
                    parsing: line.text, dialect: dialect)
            else { continue }
            if case .other = data.row { Issue.record("not understood: \(line.text)") }
            var bytes: [UInt8] = []
            data.row.write(to: &bytes, stream: data.stream, dialect: dialect)
            let words = dialect == .classic ? 3 : 4
            let parts = line.text.split(
                separator: " ", maxSplits: words, omittingEmptySubsequences: false)
            let original = try #require(parts.last)
            #expect(try JSON(parsing: bytes) == JSON(parsing: String(original)), "\(line.text)")
            if dialect == .classic, data.stream != .federation {
                #expect(String(decoding: bytes, as: UTF8.self) == original)
            }
        }
    }

    @Test("A worker's link follows each recorded connection to the main's last position")
    func followed() throws {
        let capture = try Capture("synapse-2017-04")
        let names = Set(capture.lines.map(\.connection))
        for connection in names.sorted() {
            var link = WorkerLink(name: "test", serverName: nil)
            for stream in StreamName.classic { link.follow(stream, from: nil) }
            _ = link.opened()
            var last: [StreamName: Int64] = [:]
            for line in capture.lines where line.connection == connection && line.isFromMain {
                // Connection numbers are used again by later sessions of the recording.
                if line.text.hasPrefix("SERVER") {
                    _ = link.disconnected()
                    for stream in StreamName.classic { link.follow(stream, from: nil) }
                    _ = link.opened()
                    last = [:]
                }
                for action in link.received(line.text) {
                    switch action {
                    case .rows(let stream, let rows, let position):
                        #expect(!rows.isEmpty)
                        #expect(position >= last[stream] ?? position || stream.isInMemory)
                        last[stream] = position
                    case .position(let stream, let position): last[stream] = position
                    case .close(let failure): Issue.record("\(failure): \(line.text)")
                    default: break
                    }
                }
            }
        }
    }
}
