import HTTPWire
import Testing

@Suite struct MalformedRequestTests {
    @Test(arguments: MalformedRequest.all)
    func isRefusedWithItsStatus(_ request: MalformedRequest) {
        #expect(trace([request.text]).last == .failed(request.status))
    }

    /// The long ones are limits, whose splits have tests with small limits of their own.
    @Test(arguments: MalformedRequest.all.filter { $0.text.count < 2000 })
    func isRefusedAlikeForEverySplit(_ request: MalformedRequest) {
        expectSameForEverySplit(request.text, request.name)
    }

    @Test(arguments: MalformedRequest.all.filter { $0.text.count >= 2000 })
    func isRefusedAlikeInSmallPieces(_ request: MalformedRequest) {
        let pieces = stride(from: 0, to: request.text.count, by: 7).map {
            Array(request.text[$0..<min($0 + 7, request.text.count)])
        }
        #expect(trace(pieces).last == .failed(request.status))
    }

    @Test func tableIsLongEnoughAndNamesAreUnique() {
        let names = MalformedRequest.all.map(\.name)
        #expect(names.count >= 250)
        #expect(Set(names).count == names.count)
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
