/// Memory of a loop that filters borrow for one record at a time, so that idle connections hold none.
final class FilterScratch {
    // Two at most are borrowed at once: one while input is delivered, and one while what the
    // handler wrote in answer is gathered.
    private var spare: [UnsafeMutableRawBufferPointer] = []

    deinit { for buffer in spare { buffer.deallocate() } }

    func lend<Result>(
        _ count: Int, _ body: (UnsafeMutableRawBufferPointer) -> Result
    ) -> Result {
        var buffer = spare.popLast() ?? .allocate(byteCount: max(count, 16 << 10), alignment: 16)
        if buffer.count < count {
            buffer.deallocate()
            buffer = .allocate(byteCount: count, alignment: 16)
        }
        defer {
            if spare.count < 2 { spare.append(buffer) } else { buffer.deallocate() }
        }
        return body(buffer)
    }
}
