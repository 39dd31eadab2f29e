internal import Bytes
internal import CCurl
internal import HTTPWire
internal import Reactor

extension HTTPTransfer {
    /// libcurl is done with the transfer.
    func completed(_ code: CURLcode, on loop: isolated EventLoop) {
        // libcurl walks through all connections to find this one.
        if hasOpenedSocket, code == CURLE_OK, let easy { core.keepSocket(of: easy) }
        hasOpenedSocket = false
        if let failure { return end(failure, on: loop) }
        if response.isRedirect, code == CURLE_OK || code == CURLE_WRITE_ERROR {
            return followRedirect(on: loop)
        }
        guard code == CURLE_OK else { return end(error(for: code), on: loop) }
        guard response.isHeadComplete else {
            return end(
                HTTPClientError(.invalidResponse, "there was no final response"), on: loop)
        }
        core.recycle(self)
        core.keep(self)
        phase = .received
        idleCheck.take().map { loop.cancel($0) }
        if case .handler = sink { return core.note(self, on: loop) }
        if let decoder = response.decoder, !decoder.isComplete {
            return end(
                HTTPClientError(.invalidResponse, "the compressed body is incomplete"), on: loop)
        }
        end(nil, on: loop)
    }

    private func followRedirect(on loop: isolated EventLoop) {
        let location = response.head.headers["Location"] ?? ""
        let countMax = request.redirects.countMax
        guard request.redirectCount < countMax else {
            return end(
                HTTPClientError(.redirectRefused, "there were more than \(countMax) redirects"),
                on: loop)
        }
        do throws(HTTPClientError) {
            try request.follow(location, status: Int(response.head.status.code))
        } catch {
            return end(error, on: loop)
        }
        response = ResponseState()
        refusedAddress = nil
        idleCheck.take().map { loop.cancel($0) }
        core.recycle(self)
        do throws(HTTPClientError) {
            try core.launch(self, on: loop)
        } catch {
            end(error, on: loop)
        }
    }

    /// Ends the transfer, with `error` or because it is complete, and tells whoever waits for it.
    func end(_ error: HTTPClientError?, on loop: isolated EventLoop) {
        guard phase != .ended else { return }
        var error = error
        error?.server = request.server
        disarm(on: loop)
        core.remove(self, on: loop)
        phase = .ended
        pending.removeAll()
        request.upload?.close()
        switch consume(&sink) {
        case .none: break
        case .collect(let continuation):
            if let error {
                continuation.resume(returning: .failure(error))
            } else {
                let response = HTTPClientResponse(head: response.head, body: body)
                continuation.resume(returning: .success(response))
            }
        case .handler(let handler): handler.ended(self, error: error, on: loop)
        }
        body = []
    }

    private func consume(_ sink: inout Sink) -> Sink {
        defer { sink = .none }
        return sink
    }

    // MARK: Errors

    private func error(for code: CURLcode) -> HTTPClientError {
        let text = easy?.errorText(code) ?? ""
        switch code {
        case CURLE_COULDNT_CONNECT:
            if let refusedAddress { return Self.refusal(of: refusedAddress) }
            guard socketError != 0 else { return HTTPClientError(.connectFailed, text) }
            return HTTPClientError(
                .connectFailed, "\(SystemError("socket", code: socketError))")
        case CURLE_OPERATION_TIMEDOUT: return timeout(text)
        case CURLE_RECV_ERROR where isRefusedByProxy: return HTTPClientError(.proxyFailed, text)
        default: return HTTPClientError(code, text)
        }
    }

    static func refusal(of address: IPAddress) -> HTTPClientError {
        HTTPClientError(.addressRefused, "connections to \(address) are not allowed")
    }

    private var isRefusedByProxy: Bool {
        request.isProxied && (easy?.number(CURLINFO_HTTP_CONNECTCODE) ?? 0) / 100 != 2
            && request.url.scheme == "https"
    }

    private func timeout(_ text: String) -> HTTPClientError {
        if let easy, easy.size(CURLINFO_PRETRANSFER_TIME_T) == 0 {
            return HTTPClientError(
                .timedOut, "there was no connection within \(core.options.connectTimeout)")
        }
        return HTTPClientError(.timedOut, text)
    }
}
