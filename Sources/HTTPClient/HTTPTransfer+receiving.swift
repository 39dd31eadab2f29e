internal import Bytes
internal import HTTPWire

// What libcurl's callbacks lead to. They run inside libcurl, so they only take and remember: nobody
// is told anything, and libcurl is not called, before it has returned.
extension HTTPTransfer {
    /// Takes a line of a response's head. `false` ends the transfer.
    func receivedLine(_ line: UnsafeRawBufferPointer) -> Bool {
        activity += 1
        if failure != nil { return false }
        response.headerBytes += line.count
        guard response.headerBytes <= core.options.headerBytesMax else {
            failure = HTTPClientError(
                .headersTooLarge,
                "the response's header fields exceed \(core.options.headerBytesMax) bytes")
            return false
        }
        var text = line[...]
        while let last = text.last, last == 0x0a || last == 0x0d { text.removeLast() }
        if !response.isHeadComplete, text.starts(with: "HTTP/".utf8) { return begin(text) }
        // Behind the body: trailers, which nobody has asked for.
        if response.isHeadComplete { return true }
        return text.isEmpty ? endHead() : receivedField(text)
    }

    /// A status line: of the response, or of another one after an interim response.
    private func begin(_ line: Swift.Slice<UnsafeRawBufferPointer>) -> Bool {
        let parts = line.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count > 1, let code = UInt64(ascii: Array(parts[1]).span.bytes),
            (100...999).contains(code)
        else {
            failure = HTTPClientError(.invalidResponse, "the status line is malformed")
            return false
        }
        response.head.status = HTTPStatus(Int(code))
        response.head.headers = HTTPHeaders()
        response.head.isHTTP2 = parts[0].starts(with: "HTTP/2".utf8)
        return true
    }

    private func receivedField(_ line: Swift.Slice<UnsafeRawBufferPointer>) -> Bool {
        func trimmed(_ bytes: Swift.Slice<UnsafeRawBufferPointer>) -> String {
            var bytes = bytes
            while let byte = bytes.first, byte == 0x20 || byte == 0x09 { bytes.removeFirst() }
            while let byte = bytes.last, byte == 0x20 || byte == 0x09 { bytes.removeLast() }
            return String(decoding: bytes, as: UTF8.self)
        }
        if let first = line.first, first == 0x20 || first == 0x09 {
            // A folded field, which servers may not send any more: a client takes the fold for a
            // space (RFC 9112, 5.2).
            let fields = Array(response.head.headers)
            guard let (name, value) = fields.last else { return true }
            response.head.headers = HTTPHeaders()
            for (name, value) in fields.dropLast() { response.head.headers.append(name, value) }
            response.head.headers.append(name, "\(value) \(trimmed(line))")
            return true
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
            failure = HTTPClientError(.invalidResponse, "a header field has no colon")
            return false
        }
        let name = String(decoding: line[..<colon], as: UTF8.self)
        // A name that is not a token is left out: nothing could be meant by it.
        response.head.headers.append(name, trimmed(line[line.index(after: colon)...]))
        return true
    }

    private func endHead() -> Bool {
        let status = Int(response.head.status.code)
        // Interim responses; 101 is not one, and cannot come since nothing asks for it.
        if status < 200, status != 101 { return true }
        response.isHeadComplete = true
        if RedirectPolicy.isRedirect(status), request.redirects.countMax > 0,
            response.head.headers["Location"] != nil
        {
            response.isRedirect = true
            return true
        }
        response.head.redirectCount = request.redirectCount
        response.head.url = request.url.text
        if core.options.decompresses, request.headers["Accept-Encoding"] == nil,
            let encoding = response.head.headers["Content-Encoding"]
        {
            response.decoder = ContentDecoder(encoding)
        }
        let length = response.head.headers["Content-Length"].flatMap { Int($0) }
        if let length, request.method != .head, response.decoder == nil {
            guard length <= bodyBytesMax else {
                failure = tooLarge(announced: length)
                return false
            }
            if case .collect = sink { body.reserveCapacity(min(length, 1 << 20)) }
        }
        if case .handler = sink { core.noteFromCallback(self) }
        return true
    }

    enum Receiving {
        case taken, paused, ended
    }

    /// A body that is only passed over may have this length; beyond it the connection is given up.
    private static let discardedBytesMax = 64 << 10

    /// Takes a piece of the body as it was sent.
    func receivedBody(_ bytes: UnsafeRawBufferPointer) -> Receiving {
        if failure != nil { return .ended }
        if response.isRedirect {
            response.received += bytes.count
            return response.received <= Self.discardedBytesMax ? .taken : .ended
        }
        switch sink {
        case .none: return .taken
        case .collect:
            activity += 1
            response.received += bytes.count
            return collect(bytes) ? .taken : .ended
        case .handler:
            // libcurl gives the same bytes again once the transfer goes on.
            guard pending.count < core.options.streamHighWaterMark else {
                isHeldBack = true
                return .paused
            }
            activity += 1
            response.received += bytes.count
            pending.append(RawSpan(_unsafeBytes: bytes))
            core.noteFromCallback(self)
            return .taken
        }
    }

    private func collect(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard response.decoder != nil else {
            guard body.count + bytes.count <= bodyBytesMax else {
                failure = tooLarge()
                return false
            }
            body.append(contentsOf: bytes)
            return true
        }
        var rest = bytes
        while true {
            let produced: UnsafeRawBufferPointer
            let isExhausted: Bool
            do throws(HTTPClientError) {
                (produced, isExhausted) = try decode(&rest)
            } catch {
                failure = error
                return false
            }
            body.append(contentsOf: produced)
            if isExhausted { return true }
        }
    }

    /// Decodes one piece of `input` into the client's scratch memory, and checks it against the
    /// limits. `isExhausted`: there is nothing left that could be decoded.
    func decode(
        _ input: inout UnsafeRawBufferPointer
    ) throws(HTTPClientError) -> (UnsafeRawBufferPointer, isExhausted: Bool) {
        guard let decoder = response.decoder else { return (input, true) }
        let scratch = core.scratch
        let consumed: Int
        let produced: Int
        do throws(ContentDecoder.Problem) {
            (consumed, produced) = try decoder.decode(input, into: scratch)
        } catch .outOfMemory {
            throw .outOfMemory
        } catch {
            throw HTTPClientError(.invalidResponse, "the body's compression is broken")
        }
        input = UnsafeRawBufferPointer(rebasing: input.dropFirst(consumed))
        response.decoded += produced
        guard response.decoded <= bodyBytesMax else { throw tooLarge() }
        let ratio = core.options.decompressionRatioMax
        guard response.decoded <= 1 << 20 || response.decoded / ratio <= response.received else {
            throw HTTPClientError(
                .bodyTooLarge, "the body decompresses to more than \(ratio) times its size")
        }
        let piece = UnsafeRawBufferPointer(rebasing: scratch[..<produced])
        return (piece, produced < scratch.count && input.isEmpty)
    }

    func tooLarge(announced: Int? = nil) -> HTTPClientError {
        let what = announced.map { " of \($0) bytes" } ?? ""
        return HTTPClientError(
            .bodyTooLarge, "the response's body\(what) exceeds \(bodyBytesMax) bytes")
    }

    /// Gives libcurl bytes of the request's body.
    func readBody(into buffer: UnsafeMutableRawBufferPointer) -> HTTPUpload.Reading {
        activity += 1
        guard let upload = request.upload else { return .end }
        let reading = upload.read(into: buffer)
        if case .later = reading { return reading }
        if upload.owesWritability { core.noteFromCallback(self) }
        return reading
    }
}
