internal import Bytes
internal import HTTPWire
internal import Reactor

extension HTTPConnection {
    /// Bodies up to this size are copied behind their head, which is cheaper than a second piece.
    private static let copiedBodyBytesMax = 16 * 1024

    /// Sends a complete answer to the request that is being answered. Returns its size, or `nil` if
    /// there is nobody to send it to.
    func answer(
        _ response: HTTPResponse, to occasion: Occasion, on loop: isolated EventLoop
    ) -> Int? {
        guard phase == .answering else { return nil }
        let keepAlive = mayStayOpen(after: occasion)
        let isMute = occasion.isHead || response.status.forbidsBody
        let length = response.body.count
        var written = 0
        core.withScratch { output in
            core.appendHead(
                response.status, keepAlive: keepAlive, version: occasion.version, now: loop.now,
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
            case .file(let part):
                channel.write(
                    part.file, from: Int64(part.range.lowerBound), count: length, on: loop)
                written += length
            case .empty, .bytes: break
            }
        }
        offeredBytes &+= written
        return written
    }

    /// Sends an answer whose body is written by `body`.
    func answer(
        _ status: HTTPStatus, _ fields: PrerenderedFields, _ length: Int,
        _ coding: HTTPExchange.Coding, to occasion: Occasion, on loop: isolated EventLoop,
        body: (inout ResponseWriter) -> Void
    ) -> Int? {
        guard phase == .answering else { return nil }
        let keepAlive = mayStayOpen(after: occasion)
        if coding == .gzip, let deflater = core.compression?.take() {
            defer { core.compression?.giveBack(deflater) }
            return answer(
                status, fields, length, deflater, keepAlive, to: occasion, on: loop, body: body)
        }
        var written = 0
        core.withScratch { output in
            core.appendHead(
                status, keepAlive: keepAlive, version: occasion.version, now: loop.now, to: &output)
            output.append(contentsOf: fields.bytes)
            if coding != .plain {
                ResponseEncoder.appendField("Vary", "Accept-Encoding", to: &output)
            }
            if !status.forbidsBody { ResponseEncoder.appendContentLength(length, to: &output) }
            ResponseEncoder.appendLineEnd(to: &output)
            channel.write(output.span.bytes, on: loop)
            written = output.count
        }
        var writer = ResponseWriter(
            channel, isMute: occasion.isHead || status.forbidsBody)
        body(&writer)
        guard isComplete(writer, length, on: loop) else { return nil }
        if !writer.isMute { written += length }
        offeredBytes &+= written
        return written
    }

    private func isComplete(
        _ writer: ResponseWriter, _ length: Int, on loop: isolated EventLoop
    ) -> Bool {
        if writer.count == length { return true }
        // The client would take the next answer's bytes for this one's.
        assertionFailure("\(writer.count) bytes written, \(length) announced")
        channel.abort(on: loop)
        return false
    }

    /// As above, compressed: pieces that are shared by many clients are compressed for each.
    private func answer(
        _ status: HTTPStatus, _ fields: PrerenderedFields, _ length: Int, _ deflater: Deflater,
        _ keepAlive: Bool, to occasion: Occasion, on loop: isolated EventLoop,
        body: (inout ResponseWriter) -> Void
    ) -> Int? {
        var writer = ResponseWriter(channel, isMute: true, deflater: deflater)
        body(&writer)
        guard isComplete(writer, length, on: loop) else { return nil }
        writer.finishCompressing()
        return core.withScratch { output in
            core.appendHead(
                status, keepAlive: keepAlive, version: occasion.version, now: loop.now, to: &output)
            output.append(contentsOf: fields.bytes)
            ResponseEncoder.appendField("Vary", "Accept-Encoding", to: &output)
            ResponseEncoder.appendField("Content-Encoding", "gzip", to: &output)
            ResponseEncoder.appendContentLength(writer.compressed.count, to: &output)
            ResponseEncoder.appendLineEnd(to: &output)
            if !occasion.isHead { output.append(contentsOf: writer.compressed) }
            channel.write(output.span.bytes, on: loop)
            offeredBytes &+= output.count
            return output.count
        }
    }

    private func mayStayOpen(after occasion: Occasion) -> Bool {
        guard !streamEndsConnection, occasion.keepAlive, !core.isDraining else { return false }
        if inputHasEnded, held.isEmpty, !moreHasCome { return false }
        return upload?.isWorthDiscarding(bytesMax: core.options.discardedBodyBytesMax) ?? true
    }

    /// The request has its answer: on to the next one, or to the end.
    func answered(_ occasion: Occasion, on loop: isolated EventLoop) {
        onDisconnect = nil
        onWritable = nil
        guard phase == .answering else { return }
        guard mayStayOpen(after: occasion) else { return close(on: loop) }
        if let upload { return discardRest(of: upload, on: loop) }
        phase = .reading
        setDeadline(core.idleNanoseconds, on: loop)
        processHeld(on: loop)
    }

    // MARK: Streams

    /// Sends the head of an answer that is streamed; returns its size.
    func beginStream(
        _ status: HTTPStatus, _ headers: HTTPHeaders, _ length: Int?, for occasion: Occasion,
        on loop: isolated EventLoop
    ) -> Int {
        guard phase == .answering else { return 0 }
        // HTTP/1.0 knows no chunks: there the end of the connection ends the body.
        let isChunked = occasion.version == .http11 && length == nil
        streamEndsConnection = !isChunked && length == nil
        streamLeft = length
        return core.withScratch { output in
            core.appendHead(
                status, keepAlive: mayStayOpen(after: occasion),
                version: occasion.version, now: loop.now, to: &output)
            ResponseEncoder.appendFields(headers, to: &output)
            if isChunked, !status.forbidsBody {
                ResponseEncoder.appendField("Transfer-Encoding", "chunked", to: &output)
            } else if let length, !status.forbidsBody {
                ResponseEncoder.appendContentLength(length, to: &output)
            }
            ResponseEncoder.appendLineEnd(to: &output)
            channel.write(output.span.bytes, on: loop)
            offeredBytes &+= output.count
            return output.count
        }
    }

    /// Sends a piece of a stream; returns its size with what frames it.
    func streamChunk(
        _ bytes: RawSpan, for occasion: Occasion, on loop: isolated EventLoop
    ) -> Int {
        guard phase == .answering, bytes.byteCount > 0, !occasion.isHead else { return 0 }
        if let left = streamLeft {
            guard bytes.byteCount <= left else {
                // The client would take the rest for the next answer.
                channel.abort(on: loop)
                return 0
            }
            streamLeft = left - bytes.byteCount
        }
        guard occasion.version == .http11, streamLeft == nil else {
            channel.write(bytes, on: loop)
            offeredBytes &+= bytes.byteCount
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
        offeredBytes &+= framing + bytes.byteCount
        return framing + bytes.byteCount
    }

    /// Sends what ends a stream; returns its size, or `nil` if there is nobody to send it to.
    func endStream(
        _ status: HTTPStatus, for occasion: Occasion, on loop: isolated EventLoop
    ) -> Int? {
        guard phase == .answering else { return nil }
        if let left = streamLeft.take() {
            guard left > 0, !occasion.isHead, !status.forbidsBody else { return 0 }
            channel.abort(on: loop)
            return nil
        }
        guard occasion.version == .http11, !occasion.isHead, !status.forbidsBody else { return 0 }
        return core.withScratch { output in
            ResponseEncoder.appendLastChunk(to: &output)
            channel.write(output.span.bytes, on: loop)
            offeredBytes &+= output.count
            return output.count
        }
    }
}
