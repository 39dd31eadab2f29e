import Bytes
import ReplicationWire
import Testing

@Suite("Lines")
struct LineSplitterTests {
    private func lines(_ pieces: [[UInt8]], max: Int = 64) -> ([String], LineSplitter.Violation?) {
        var splitter = LineSplitter(lineBytesMax: max)
        var lines: [String] = []
        do {
            for piece in pieces {
                try splitter.split(piece.span.bytes) { line in
                    lines.append(line.string)
                    return true
                }
            }
        } catch {
            return (lines, error)
        }
        return (lines, nil)
    }

    @Test("The same lines come out at every pair of split points")
    func everySplit() {
        let input = Array("PING 1\r\n\n\r\nNAME ü\nREPLICATE events 5\r\nrest".utf8)
        for first in 0...input.count {
            for second in first...input.count {
                let pieces = [input[..<first], input[first..<second], input[second...]]
                let (lines, violation) = lines(pieces.map { Array($0) })
                #expect(violation == nil)
                #expect(lines == ["PING 1", "NAME ü", "REPLICATE events 5"])
            }
        }
    }

    @Test("A line may have exactly as many bytes as allowed", arguments: [1, 3, 64, 100])
    func limit(piece: Int) {
        func pieces(_ text: String) -> [[UInt8]] {
            let bytes = Array(text.utf8)
            return stride(from: 0, to: bytes.count, by: piece).map {
                Array(bytes[$0..<min($0 + piece, bytes.count)])
            }
        }
        let longest = String(repeating: "x", count: 64)
        #expect(lines(pieces(longest + "\n")) == ([longest], nil))
        #expect(lines(pieces(longest + "\r\n")) == ([longest], nil))
        #expect(lines(pieces("a\n" + longest + "y\n")).1 == .lineTooLong)
        #expect(lines(pieces("a\n" + longest + "yz")).1 == .lineTooLong)
    }

    @Test("What is not UTF-8 is refused, wherever it stands")
    func notUTF8() {
        for prefix in 0..<20 {
            let bad = [UInt8](repeating: 0x61, count: prefix) + [0xC3, 0x28, 0x0A]
            #expect(lines([bad]) == ([], .notUTF8))
        }
        #expect(lines([[0xFF, 0x0A]]) == ([], .notUTF8))
    }

    @Test("Nothing is read after the reader stops, and idle connections hold no memory")
    func stopping() throws {
        var splitter = LineSplitter()
        var count = 0
        try splitter.split(Array("a b\nc d\ne".utf8).span.bytes) { _ in
            count += 1
            return false
        }
        #expect(count == 1)
        #expect(splitter.unfinishedCount == 0)
    }
}

private func == (
    left: ([String], LineSplitter.Violation?), right: ([String], LineSplitter.Violation?)
) -> Bool {
    left.0 == right.0 && left.1 == right.1
}
