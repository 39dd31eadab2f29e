import Bytes
import Testing

@Suite("Byte queue")
struct ByteQueueTests {
    @Test("gives back what was appended, in order")
    func order() {
        var queue = ByteQueue()
        queue.append("GET ")
        queue.append(utf8: "/ä")
        queue.append(UInt8(ascii: " "))
        queue.append([1, 2])
        queue.appendDecimal(Int64.min)
        let all = queue.readable.array
        #expect(
            all == Array("GET /ä ".utf8) + [1, 2]
                + Array("-9223372036854775808".utf8))
        queue.consume(4)
        let rest = queue.readable.starts(with: "/")
        #expect(rest)
    }

    @Test("behaves like an array under random appends and consumes", arguments: 0..<20)
    func model(seed: Int) {
        var random = SplitMix(state: UInt64(seed))
        var queue = ByteQueue(capacity: seed)
        var model: [UInt8] = []
        for _ in 0..<500 {
            if Bool.random(using: &random) {
                let bytes = (0..<Int.random(in: 0..<200, using: &random)).map {
                    UInt8(truncatingIfNeeded: $0)
                }
                queue.append(bytes)
                model += bytes
            } else {
                let count = Int.random(in: 0...model.count, using: &random)
                queue.consume(count)
                model.removeFirst(count)
            }
            let (count, content) = (queue.count, queue.readable.array)
            #expect(count == model.count)
            #expect(content == model)
        }
    }

    @Test("consuming more than there is traps")
    func traps() async {
        await #expect(processExitsWith: .failure) {
            var queue = ByteQueue()
            queue.append("ab")
            queue.consume(3)
        }
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
