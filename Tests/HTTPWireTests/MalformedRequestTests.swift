import HTTPCases
import HTTPWire
import Testing

@Suite struct MalformedRequestTests {
    @Test(arguments: HTTPCase.refused)
    func isRefusedWithItsStatus(_ request: HTTPCase) {
        #expect(trace([request.bytes]).last == .failed(request.statuses[0]))
    }

    /// The long ones are limits, whose splits have tests with small limits of their own.
    @Test(arguments: HTTPCase.refused.filter { $0.bytes.count < 2000 })
    func isRefusedAlikeForEverySplit(_ request: HTTPCase) {
        expectSameForEverySplit(request.bytes, request.name)
    }

    @Test(arguments: HTTPCase.refused.filter { $0.bytes.count >= 2000 })
    func isRefusedAlikeInSmallPieces(_ request: HTTPCase) {
        let pieces = stride(from: 0, to: request.bytes.count, by: 7).map {
            Array(request.bytes[$0..<min($0 + 7, request.bytes.count)])
        }
        #expect(trace(pieces).last == .failed(request.statuses[0]))
    }

    @Test func tableIsLongEnoughAndNamesAreUnique() {
        let names = HTTPCase.refused.map(\.name)
        #expect(names.count >= 250)
        #expect(Set(names).count == names.count)
    }

    @Test(arguments: HTTPCase.served.filter { $0.bytes.count < 2000 })
    func oddOnesAreReadAlikeForEverySplit(_ request: HTTPCase) {
        expectSameForEverySplit(request.bytes, request.name)
    }

    @Test func errorRepeatsItselfForEver() throws {
        var parser = RequestParser()
        var head = RequestHead()
        let input = Array("GET / HTTP/3.0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        for _ in 0..<3 {
            var offset = 0
            #expect(throws: HTTPError.self) {
                try parser.next(input.span.bytes, at: &offset, into: &head)
            }
        }
    }
}
