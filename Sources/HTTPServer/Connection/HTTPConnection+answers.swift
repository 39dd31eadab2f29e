internal import Bytes
internal import HTTPWire
internal import Reactor

extension HTTPConnection {
    /// Bodies up to this size are copied behind their head, which is cheaper than a second piece.
    private static let copiedBodyBytesMax = 16 * 1024

    /// Sends a complete answer to the request that is being answered.
    func answer(
        _ response: HTTPResponse, to request: HTTPRequest, _ route: Int?, _ started: Instant,
        on loop: isolated EventLoop
    ) {
        guard phase == .answering else { return report(nil, 0, request, route, started) }
        let keepAlive = mayStayOpen(after: request)
        let isMute = request.method == .head || response.status.forbidsBody
        let length = response.body.count
        var written = 0
        core.withScratch { output in
            core.appendHead(
                response.status, keepAlive: keepAlive, version: request.version, now: loop.now,
                to: &output)
            ResponseEncoder.appendFields(response.headers, to: &output)
            if !response.status.forbidsBody {
                ResponseEncoder.appendContentLength(length, to: &output)
            }
            ResponseEncoder.appendLineEnd(to: &output)
            if !isMute, case .bytes(let bytes) = response.body, length <= Self.copiedBodyBytesMax {
                output.append(contentsOf: bytes)
            }
            channel.write(output.span.bytes, on: loop)
            written = output.count
        }
        if !isMute {
            switch response.body {
            case .bytes(let bytes) where length > Self.copiedBodyBytesMax:
                channel.write(bytes, on: loop)
                written += length
            case .pieces(let pieces):
                for piece in pieces { channel.write(piece, on: loop) }
                written += length
            case .empty, .bytes: break
            }
        }
        report(response.status, written, request, route, started)
        answered(keepAlive: keepAlive, on: loop)
    }

    /// Sends an answer whose body is written by `body`.
    func answer(
        _ status: HTTPStatus, _ fields: PrerenderedFields, _ length: Int,
        to request: HTTPRequest, _ route: Int?, _ started: Instant,
        on loop: isolated EventLoop, body: (inout ResponseWriter) -> Void
    ) {
        guard phase == .answering else { return report(nil, 0, request, route, started) }
        let keepAlive = mayStayOpen(after: request)
        var written = 0
        core.withScratch { output in
            core.appendHead(
                status, keepAlive: keepAlive, version: request.version, now: loop.now, to: &output)
            output.append(contentsOf: fields.bytes)
            if !status.forbidsBody { ResponseEncoder.appendContentLength(length, to: &output) }
            ResponseEncoder.appendLineEnd(to: &output)
            channel.write(output.span.bytes, on: loop)
            written = output.count
        }
        var writer = ResponseWriter(
            channel, isMute: request.method == .head || status.forbidsBody)
        body(&writer)
        guard writer.count == length else {
            // The client would take the next answer's bytes for this one's.
            assertionFailure("\(writer.count) bytes written, \(length) announced")
            channel.abort(on: loop)
            return
        }
        report(status, written + (writer.isMute ? 0 : length), request, route, started)
        answered(keepAlive: keepAlive, on: loop)
    }

    func mayStayOpen(after request: HTTPRequest) -> Bool {
        request.head.keepAlive && !core.isDraining && !(inputHasEnded && held.isEmpty)
    }

    private func answered(keepAlive: Bool, on loop: isolated EventLoop) {
        onDisconnect = nil
        onWritable = nil
        guard phase == .answering else { return }
        guard keepAlive else { return close(on: loop) }
        phase = .reading
        unreadBytes = channel.pendingBytes
        setDeadline(core.idleNanoseconds, on: loop)
        processHeld(on: loop)
    }

    func report(
        _ status: HTTPStatus?, _ bytes: Int, _ request: HTTPRequest, _ route: Int?,
        _ started: Instant
    ) {
        guard let requestFinished = core.requestFinished else { return }
        requestFinished(
            RequestReport(
                request: request.head.targetBytes.byteCount == 0 ? nil : request,
                route: route.map { core.name(ofRoute: $0) }, status: status, responseBytes: bytes,
                duration: Instant.now - started))
    }

    // MARK: Streams

    /// Sends the head of an answer of unknown length; returns its size.
    func beginStream(
        _ status: HTTPStatus, _ headers: HTTPHeaders, for request: HTTPRequest,
        on loop: isolated EventLoop
    ) -> Int {
        guard phase == .answering else { return 0 }
        // HTTP/1.0 knows no chunks: there the end of the connection ends the body.
        let isChunked = request.version == .http11
        return core.withScratch { output in
            core.appendHead(
                status, keepAlive: isChunked && mayStayOpen(after: request),
                version: request.version, now: loop.now, to: &output)
            ResponseEncoder.appendFields(headers, to: &output)
            if isChunked, !status.forbidsBody {
                ResponseEncoder.appendField("Transfer-Encoding", "chunked", to: &output)
            }
            ResponseEncoder.appendLineEnd(to: &output)
            channel.write(output.span.bytes, on: loop)
            return output.count
        }
    }

    /// Sends a piece of a stream; returns its size with what frames it.
    func streamChunk(
        _ bytes: RawSpan, for request: HTTPRequest, on loop: isolated EventLoop
    ) -> Int {
        guard phase == .answering, bytes.byteCount > 0, request.method != .head else { return 0 }
        guard request.version == .http11 else {
            channel.write(bytes, on: loop)
            return bytes.byteCount
        }
        var framing = 0
        core.withScratch { output in
            ResponseEncoder.appendChunkHeader(bytes.byteCount, to: &output)
            channel.write(output.span.bytes, on: loop)
            channel.write(bytes, on: loop)
            framing = output.count + 2
            output.removeAll(keepingCapacity: true)
            ResponseEncoder.appendLineEnd(to: &output)
            channel.write(output.span.bytes, on: loop)
        }
        return framing + bytes.byteCount
    }

    func endStream(
        _ status: HTTPStatus, _ bytes: Int, for request: HTTPRequest, _ route: Int?,
        _ started: Instant, on loop: isolated EventLoop
    ) {
        guard phase == .answering else { return report(nil, bytes, request, route, started) }
        var last = 0
        if request.version == .http11, request.method != .head, !status.forbidsBody {
            core.withScratch { output in
                ResponseEncoder.appendLastChunk(to: &output)
                channel.write(output.span.bytes, on: loop)
                last = output.count
            }
        }
        report(status, bytes + last, request, route, started)
        answered(
            keepAlive: request.version == .http11 && mayStayOpen(after: request), on: loop)
    }
}
