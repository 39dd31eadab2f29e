internal import Bytes
internal import HTTPWire
internal import Reactor

extension HTTPExchange {
    /// Bodies beyond this size are compressed piece by piece, a piece a turn, as fast as the client
    /// takes them: at 100 MB a second a large sync would hold up everybody else.
    private static let sliceBytes = 64 * 1024

    /// How a body leaves.
    enum Coding {
        case plain
        /// Plain for this client, while others would get it compressed.
        case plainHere
        case gzip
    }

    func coding(
        _ status: HTTPStatus, isCompressible: @autoclosure () -> Bool, count: Int?,
        _ pool: DeflaterPool
    ) -> Coding {
        guard !status.forbidsBody, status != .partialContent,
            route?.shape.compressesAnswers != false, isCompressible()
        else { return .plain }
        if let count, count < pool.policy.bytesMin { return .plain }
        return request.headers.prefersGzip ? .gzip : .plainHere
    }

    /// Gives the answer its coding. Returns `nil` if the answer has been given.
    func encoded(
        _ response: HTTPResponse, _ pool: DeflaterPool, on loop: isolated EventLoop
    ) -> HTTPResponse? {
        let coding = self.coding(
            response.status, isCompressible: response.headers.describeCompressibleBody,
            count: response.body.count, pool)
        guard coding != .plain else { return response }
        var response = response
        response.headers.append("Vary", "Accept-Encoding")
        guard coding == .gzip else { return response }
        if response.body.count > Self.sliceBytes {
            // Without chunks its end could not be told from a broken connection.
            guard request.version == .http11 else { return response }
            response.headers.remove("Vary")
            SlicedBody(self, response.body, sliceBytes: Self.sliceBytes).send(response, on: loop)
            return nil
        }
        guard let body = pool.compress(response.body) else { return response }
        response.headers.append("Content-Encoding", "gzip")
        response.body = .bytes(body)
        return response
    }

    /// Gives an answer that is streamed its coding; returns what compresses it, if anything does.
    func beginEncoding(
        _ status: HTTPStatus, _ headers: inout HTTPHeaders, _ pool: DeflaterPool
    ) -> Deflater? {
        let coding = self.coding(
            status, isCompressible: headers.describeCompressibleBody, count: nil, pool)
        guard coding != .plain else { return nil }
        headers.append("Vary", "Accept-Encoding")
        guard coding == .gzip, let deflater = pool.take() else { return nil }
        headers.append("Content-Encoding", "gzip")
        return deflater
    }
}

/// A large body on its way through a compressed stream.
private final class SlicedBody {
    private let exchange: HTTPExchange
    private var pieces: [SharedBytes]
    private var index = 0
    private var offset = 0
    private let sliceBytes: Int

    init(_ exchange: HTTPExchange, _ body: HTTPBody, sliceBytes: Int) {
        self.exchange = exchange
        self.sliceBytes = sliceBytes
        switch body {
        // Files leave as they are.
        case .empty, .file: pieces = []
        case .bytes(let bytes): pieces = [SharedBytes(bytes)]
        case .pieces(let all): pieces = all
        }
    }

    func send(_ response: HTTPResponse, on loop: isolated EventLoop) {
        exchange.beginStreaming(response.status, headers: response.headers, on: loop)
        exchange.onWritable { self.goOn(on: loop) }
        goOn(on: loop)
    }

    /// Writes a slice, and sees to it that the next one follows.
    private func goOn(on loop: isolated EventLoop) {
        guard let channel = exchange.connection?.channel, !exchange.isDone else { return }
        guard !channel.isClosing, channel.isWritable else { return }
        var budget = sliceBytes
        while budget > 0, index < pieces.count {
            let piece = pieces[index]
            let end = min(piece.count, offset + budget)
            exchange.write(piece.bytes.extracting(offset..<end), on: loop)
            budget -= end - offset
            offset = end
            if offset == piece.count {
                index += 1
                offset = 0
            }
        }
        guard index < pieces.count else { return exchange.finish(on: loop) }
        // A full channel tells when it has room again.
        if channel.isWritable { loop.schedule(after: .zero) { self.goOn(on: loop) } }
    }
}
