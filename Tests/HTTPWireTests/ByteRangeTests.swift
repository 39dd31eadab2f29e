import HTTPWire
import Testing

@Suite struct ByteRangeTests {
    @Test(arguments: [
        ("bytes=0-0", ByteRange.part(0..<1)), ("bytes=0-9", .part(0..<10)),
        ("bytes=2-5", .part(2..<6)), ("bytes=5-", .part(5..<10)), ("bytes=-3", .part(7..<10)),
        ("bytes=-30", .part(0..<10)), ("bytes=9-100", .part(9..<10)), ("BYTES=1-1", .part(1..<2)),
        ("bytes= 1-2 ", .part(1..<3)), ("bytes=3-99999999999999999999999", .part(3..<10)),
        ("bytes=10-", .unsatisfiable), ("bytes=10-20", .unsatisfiable),
        ("bytes=-0", .unsatisfiable),
        ("bytes=99999999999999999999999-", .unsatisfiable),
        ("bytes=5-2", .whole), ("bytes=-", .whole), ("bytes=", .whole), ("bytes=a-b", .whole),
        ("bytes=0-1,3-4", .whole), ("bytes=0-1 3", .whole), ("items=0-1", .whole), ("", .whole),
        ("bytes 0-1", .whole), ("bytes=1--2", .whole), ("bytes=+1-2", .whole), ("0-1", .whole),
    ])
    func readsOneRange(_ value: String, _ expected: ByteRange) {
        #expect(ByteRange(["Range": value], length: 10) == expected)
    }

    @Test func nothingHasNoPart() {
        #expect(ByteRange([:], length: 0) == .whole)
        #expect(ByteRange(["Range": "bytes=0-"], length: 0) == .unsatisfiable)
        #expect(ByteRange(["Range": "bytes=-5"], length: 0) == .unsatisfiable)
    }
}
