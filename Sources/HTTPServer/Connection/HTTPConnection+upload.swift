internal import Bytes
internal import HTTPWire
internal import Reactor

/// Bodies that are handed on while they come.
extension HTTPConnection {
    /// The head of a request has come whose route wants the body as a stream.
    func beginUpload(_ moreHasCome: Bool, on loop: isolated EventLoop) {
        guard let exchange = receiving.take(), let route = exchange.route else { return }
        let head = exchange.stored.head
        let upload = Upload(
            head.framing, continueIsDue: head.expectsContinue && !moreHasCome,
            nanosecondsLeft: core.bodyNanoseconds)
        upload.exchange = exchange
        exchange.upload = upload
        self.upload = upload
        phase = .answering
        deadline = nil
        route.serve(exchange, on: loop)
        core.settle(exchange)
    }

    /// Goes on to the parser's next event in the body.
    func advance(
        _ upload: Upload, _ bytes: RawSpan, at offset: inout Int, on loop: isolated EventLoop
    ) throws(HTTPError) -> RequestParser.Event {
        guard let reading else { return .needMore }
        let event = try reading.parser.nextOfBody(bytes, at: &offset)
        switch event {
        case .body(let range):
            if let deadline {
                let earned = UInt64(range.count) &* core.nanosecondsPerBodyByte
                self.deadline = Instant(nanoseconds: deadline.nanoseconds &+ earned)
            }
            upload.give(bytes.extracting(range))
        case .end:
            self.upload = nil
            deadline = nil
            endReading()
            if phase == .discarding {
                phase = .reading
                setDeadline(core.idleNanoseconds, on: loop)
            } else {
                upload.exchange?.upload = nil
                upload.end(nil)
            }
        case .head, .needMore: break
        }
        return event
    }

    /// The handler wants the body, or wants it again.
    func resume(_ upload: Upload, on loop: isolated EventLoop) {
        guard self.upload === upload, upload.isPaused else { return }
        upload.isPaused = false
        if upload.continueIsDue, upload.exchange?.isAnswered == false {
            upload.continueIsDue = false
            channel.write(Self.continueLine, on: loop)
            offeredBytes &+= Self.continueLine.count
        }
        setDeadline(upload.nanosecondsLeft, on: loop)
        processHeld(on: loop)
    }

    /// The handler needs a rest, which does not count against the client.
    func pause(_ upload: Upload, on loop: isolated EventLoop) {
        guard self.upload === upload, !upload.isPaused, phase == .answering else { return }
        upload.isPaused = true
        if let deadline = deadline.take() {
            upload.nanosecondsLeft = deadline.nanoseconds &- min(loop.now, deadline).nanoseconds
        }
        if !isProcessing { pauseIfNeeded(on: loop) }
    }

    /// The request was answered before its body had come, and the connection is to stay.
    func discardRest(of upload: Upload, on loop: isolated EventLoop) {
        phase = .discarding
        upload.isPaused = false
        reading?.parser.bodyBytesMax =
            upload.receivedBytes + UInt64(max(0, core.options.discardedBodyBytesMax))
        setDeadline(core.bodyNanoseconds, on: loop)
        letGo(of: upload, .answered)
        processHeld(on: loop)
    }

    func letGo(of upload: Upload, _ failure: BodyFailure) {
        upload.exchange?.upload = nil
        upload.exchange = nil
        upload.end(failure)
    }

    /// The body cannot be received to its end.
    func refuse(_ upload: Upload, _ error: HTTPError, on loop: isolated EventLoop) {
        let exchange = upload.exchange
        self.upload = nil
        deadline = nil
        guard phase == .answering else { return close(on: loop) }
        // Whatever the answer is and whoever gives it, it is the last one.
        streamEndsConnection = true
        exchange?.stored.head.forbidKeepAlive()
        letGo(of: upload, .refused(error))
        if let exchange, !exchange.isAnswered { exchange.respond(throwing: error, on: loop) }
    }

    /// The client has gone within the body.
    func abandon(_ upload: Upload, on loop: isolated EventLoop) {
        self.upload = nil
        letGo(of: upload, .disconnected)
        onDisconnect.take()?()
        close(on: loop)
    }
}
