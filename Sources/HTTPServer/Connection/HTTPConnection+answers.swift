internal import Bytes
internal import HTTPWire
internal import Reactor

extension HTTPConnection {
    /// Bodies up to this size are copied behind their head, which is cheaper than a second piece.
    private static let copiedBodyBytesMax = 16 * 1024

    /// As much of a body that its handler writes has room behind the head, so that a short answer is
    /// one piece, which fits a queue's first memory.
    private static let directBodyBytesMax = 1024

    /// Sends a complete answer to the request that is being answered. Returns its size, or `nil` if
    /// there is nobody to send it to.
    func answer(
        _ response: HTTPResponse, to occasion: Occasion, on loop: isolated EventLoop
    ) -> Int? {
        guard phase == .answering else { return nil }
        let isMute = occasion.isHead || response.status.forbidsBody
        let length = response.body.count
        var copied: [UInt8] = []
        if !isMute, case .bytes(let bytes) = response.body, length <= Self.copiedBodyBytesMax {
            copied = bytes
        }
        var written = 0
        let fields = response.headers.renderedBytes
        if let room = channel.room(
            for: core.headBytesMax + fields.count + copied.count, on: loop)
        {
            var output = RawWriter(room)
            core.writeHead(
                response.status, keepAlive: mayStayOpen(after: occasion),
                version: occasion.version, now: loop.now, to: &output)
            output.append(fields)
            if response.status.forbidsBody {
                output.append("\r\n")
            } else {
                output.appendLengthAndEnd(length)
            }
            output.append(copied)
            written = output.count
            channel.commit(written, on: loop)
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
    @inline(__always)
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
        let isMute = occasion.isHead || status.forbidsBody
        // A short body goes where the head is composed.
        let direct = min(length, Self.directBodyBytesMax)
        let room = channel.room(for: core.headBytesMax &+ fields.bytes.count &+ direct, on: loop)
        var output = RawWriter(room ?? UnsafeMutableRawBufferPointer(start: nil, count: 0))
        if room != nil {
            core.writeHead(
                status, keepAlive: keepAlive, version: occasion.version, now: loop.now, to: &output)
            output.append(fields.bytes)
            if coding != .plain { output.append("Vary: Accept-Encoding\r\n") }
            if status.forbidsBody {
                output.append("\r\n")
            } else {
                output.appendLengthAndEnd(length)
            }
        }
        let head = output.count
        if isMute, room != nil { channel.commit(head, on: loop) }
        var writer = ResponseWriter(
            channel, behind: output, isDirect: room != nil, isMute: isMute)
        body(&writer)
        writer.end(on: loop)
        guard writer.count == length else { return incomplete(writer.count, length, on: loop) }
        let written = isMute ? head : head &+ length
        offeredBytes &+= written
        return written
    }

    /// The client would take the next answer's bytes for this one's.
    private func incomplete(_ count: Int, _ length: Int, on loop: isolated EventLoop) -> Int? {
        assertionFailure("\(count) bytes written, \(length) announced")
        channel.abort(on: loop)
        return nil
    }

    /// As above, compressed: pieces that are shared by many clients are compressed for each.
    private func answer(
        _ status: HTTPStatus, _ fields: PrerenderedFields, _ length: Int, _ deflater: Deflater,
        _ keepAlive: Bool, to occasion: Occasion, on loop: isolated EventLoop,
        body: (inout ResponseWriter) -> Void
    ) -> Int? {
        let compressed = CompressedBody(deflater)
        var writer = ResponseWriter(channel, to: compressed)
        body(&writer)
        guard writer.count == length else { return incomplete(writer.count, length, on: loop) }
        compressed.finish()
        return core.withScratch { output in
            core.appendHead(
                status, keepAlive: keepAlive, version: occasion.version, now: loop.now, to: &output)
            output.append(contentsOf: fields.bytes)
            ResponseEncoder.appendField("Vary", "Accept-Encoding", to: &output)
            ResponseEncoder.appendField("Content-Encoding", "gzip", to: &output)
            ResponseEncoder.appendContentLength(compressed.bytes.count, to: &output)
            ResponseEncoder.appendLineEnd(to: &output)
            if !occasion.isHead { output.append(contentsOf: compressed.bytes) }
            channel.write(output.span.bytes, on: loop)
            offeredBytes &+= output.count
            return output.count
        }
    }

    @inline(__always)
    private func mayStayOpen(after occasion: Occasion) -> Bool {
        guard !streamEndsConnection, occasion.keepAlive, !core.isDraining else { return false }
        if inputHasEnded, held == nil, !moreHasCome { return false }
        guard let upload else { return true }
        return upload.isWorthDiscarding(bytesMax: core.options.discardedBodyBytesMax)
    }

    /// The request has its answer: on to the next one, or to the end.
    @inline(__always)
    func answered(_ occasion: Occasion, on loop: isolated EventLoop) {
        if onDisconnect != nil { onDisconnect = nil }
        if onWritable != nil { onWritable = nil }
        guard phase == .answering else { return }
        guard mayStayOpen(after: occasion) else { return close(on: loop) }
        if let upload { return discardRest(of: upload, on: loop) }
        phase = .reading
        // Who is just reading requests goes on to the next one by himself.
        if isProcessing { return }
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
