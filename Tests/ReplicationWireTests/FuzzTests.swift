import Bytes
import JSON
import ReplicationWire
import Testing

/// Hostile lines: nothing may crash either side, and what parses must survive being written.
@Suite("Fuzzed lines")
struct FuzzTests {
    private static let seeds: [String] = [
        "RDATA events 7 [\"$e:x\",\"!r:x\",\"m.room.message\",null,null]",
        "RDATA presence 9 [\"@a:x\",\"online\",1,2,3,\"caf\\u00e9 \\/ \\ud83d\\ude00\",true]",
        "RDATA typing batch [\"!r:x\",[\"@a:x\",\"@b:x\"]]",
        "RDATA federation 3 [\"k\",{\"key\":[\"a\",1.5e3],\"edu\":{\"x\":null}}]",
        "RDATA receipts 3 [\"!r\",\"m.read\",\"@a:x\",\"$e\",{\"ts\": 5}]",
        "RDATA caches 3 [\"get_x\",[\"a\",\"b\"],123]", "POSITION events 5", "REPLICATE ALL NOW",
        "REPLICATE events -7", "USER_SYNC @a:x start 55", "SERVER example.org", "ERROR no",
        "REMOVE_PUSHER app key @a:x", "INVALIDATE_CACHE get_x [\"a\\n\"]", "PING 5", "NAME w",
        "USER_IP [\"@a:x\",\"t\",\"1.2.3.4\",\"\",null,7]", "LOCK_RELEASED [\"a\",\"b\"]",
        "RDATA events master 4 [\"ev\",[\"$e\",\"!r\",\"t\",null,null,null,null,false,true]]",
        "POSITION events master 4 5", "USER_SYNC w1 @a:x end 5", "FEDERATION_ACK 12", "AUTH sesame",
        "PING 5 run=ff events=7 typing=2",
    ]

    private static func mutated(_ line: String, _ random: inout Seeded) -> [UInt8] {
        var bytes = Array(line.utf8)
        let alphabet = Array("\"\\[]{},: \u{0}nultre0-9.E+batch\u{e9}\u{1F600}ud8".utf8) + [0xFF]
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            let place = bytes.isEmpty ? 0 : Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0...4, using: &random) {
            case 0 where !bytes.isEmpty: bytes.remove(at: place)
            case 1: bytes.insert(alphabet.randomElement(using: &random) ?? 0, at: place)
            case 2 where !bytes.isEmpty: bytes[place] = alphabet.randomElement(using: &random) ?? 0
            case 3: bytes.removeSubrange(place...)
            default: bytes.insert(contentsOf: bytes[..<place], at: place)
            }
        }
        return bytes.filter { $0 != 0x0A && $0 != 0x0D }
    }

    @Test(
        "Mutated lines never crash, and what parses means the same written again",
        arguments: 0..<8 as Range<UInt64>)
    func mutations(seed: UInt64) throws {
        var random = Seeded(seed)
        for _ in 0..<4000 {
            let line = Self.mutated(Self.seeds.randomElement(using: &random) ?? "", &random)
            // As the splitter guarantees.
            guard String(validating: line, as: UTF8.self) != nil else { continue }
            for dialect in [Dialect.classic, .named] {
                guard
                    let command = try? ReplicationCommand(
                        parsing: line.span.bytes, dialect: dialect)
                else { continue }
                let written = command.line(dialect: dialect)
                let again = try ReplicationCommand(
                    parsing: Array(written.dropLast()).span.bytes, dialect: dialect)
                #expect(again == command, "\(String(decoding: line, as: UTF8.self))")
                #expect(written.dropLast().allSatisfy { $0 != 0x0A })
            }
        }
    }

    @Test("Links survive any sequence of mutated lines", arguments: 0..<4 as Range<UInt64>)
    func links(seed: UInt64) {
        var random = Seeded(seed &+ 1000)
        for _ in 0..<300 {
            let dialect: Dialect = Bool.random(using: &random) ? .classic : .named
            var main = MainLink(
                serverName: "x", streams: Set(StreamName.classic), dialect: dialect, at: at(0))
            var worker = WorkerLink(name: "w", serverName: nil, dialect: dialect)
            for stream in StreamName.classic { worker.follow(stream, from: 5) }
            _ = main.opened()
            _ = worker.opened()
            _ = worker.received("SERVER x")
            for step in 0..<30 {
                let line = String(
                    decoding: Self.mutated(
                        Self.seeds.randomElement(using: &random) ?? "", &random),
                    as: UTF8.self)
                let before = worker.position(of: .events)
                _ = main.received(line, Double(step))
                _ = worker.received(line, Double(step))
                #expect(worker.position(of: .events) ?? 0 >= before ?? 0)
            }
        }
    }

    @Test("Random bytes through the splitter end in lines or in a violation")
    func splitter() {
        var random = Seeded(77)
        for _ in 0..<500 {
            var splitter = LineSplitter(lineBytesMax: 100)
            for _ in 0..<20 {
                let piece = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                    Bool.random(using: &random)
                        ? UInt8(ascii: "a") : UInt8.random(in: 0...255, using: &random)
                }
                do {
                    try splitter.split(piece.span.bytes) { line in
                        #expect(line.byteCount <= 100 && line.byteCount > 0)
                        return true
                    }
                } catch { break }
                #expect(splitter.unfinishedCount <= 101)
            }
        }
    }
}
