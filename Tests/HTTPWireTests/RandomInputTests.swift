import Bytes
import HTTPCases
import HTTPWire
import Testing

@Suite struct RandomInputTests {
    /// Cuts bytes into random pieces, empty ones among them.
    private func cut(
        _ bytes: [UInt8], _ generator: inout SeededGenerator, longest: Int = 40
    ) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + Int.random(in: 0...longest, using: &generator))
            pieces.append(Array(bytes[start..<end]))
            start = end
        }
        return pieces
    }

    @Test(arguments: UInt64(0)..<8)
    func mutatedRequestsNeverDisturbTheParser(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let samples =
            RequestParserTests.wellFormed.map { Array($0.utf8) }
            + HTTPCase.all.map(\.bytes).filter { $0.count < 300 }
        let alphabet: [UInt8] = Array("\r\n\t :;,0123456789abcdefGETHosthunkd/*?#[]@\0\u{7f}".utf8)
        for _ in 0..<600 {
            var bytes = samples.randomElement(using: &generator) ?? []
            if Bool.random(using: &generator) {
                bytes += samples.randomElement(using: &generator) ?? []
            }
            for _ in 0..<Int.random(in: 0...4, using: &generator) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[index] = alphabet.randomElement(using: &generator) ?? 0
                case 1: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                case 2: bytes.insert(alphabet.randomElement(using: &generator) ?? 0, at: index)
                default: bytes.remove(at: index)
                }
            }
            let whole = trace([bytes])
            let pieces = cut(bytes, &generator)
            let steps = trace(pieces)
            if steps != whole {
                Issue.record("seed \(seed): \(pieces) gives \(steps) instead of \(whole)")
                return
            }
            for some in [[bytes], pieces] where trace(some, usually: true) != whole {
                let usual = trace(some, usually: true)
                Issue.record("seed \(seed): \(some) gives \(usual) usually, not \(whole)")
                return
            }
        }
    }

    @Test(arguments: UInt64(0)..<4)
    func noiseNeverDisturbsTheParser(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let count = Int.random(in: 0...300, using: &generator)
            let noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(trace(cut(noise, &generator)) == trace([noise]))
        }
    }

    @Test(arguments: UInt64(0)..<8)
    func chunkedBodiesComeBackWhole(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<60 {
            var body = ""
            var wire: [UInt8] = Array(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
            for _ in 0..<Int.random(in: 0...6, using: &generator) {
                let count = Int.random(in: 1...70, using: &generator)
                let letters = Array("abc\r\n0;: ")
                let piece = String(
                    (0..<count).map { _ in letters.randomElement(using: &generator) ?? "a" })
                // A Character of CR LF is two bytes.
                let size = piece.utf8.count
                body += piece
                if Bool.random(using: &generator) {
                    ResponseEncoder.appendChunkHeader(size, to: &wire)
                } else {
                    let zeros = String(
                        repeating: "0", count: Int.random(in: 0...3, using: &generator))
                    let digits = String(size, radix: 16, uppercase: true)
                    wire += Array("\(zeros)\(digits) ;a=\"b;c\";d\r\n".utf8)
                }
                wire += Array(piece.utf8)
                ResponseEncoder.appendLineEnd(to: &wire)
            }
            if Bool.random(using: &generator) {
                ResponseEncoder.appendLastChunk(to: &wire)
            } else {
                wire += Array("000\r\nX-Sum: 1\r\nContent-Length: 7\r\n\r\n".utf8)
            }
            wire += Array("GET /next HTTP/1.0\r\n\r\n".utf8)
            let steps = trace(cut(wire, &generator, longest: 20))
            #expect(steps.count == 6)
            #expect(steps.dropFirst().first == .body(body))
            #expect(steps.last == .end)
        }
    }
}
