internal import Bytes
internal import CCurl
internal import HTTPWire
internal import Reactor

extension HTTPTransfer {
    /// libcurl is done with the transfer, which is no longer with it.
    func completed(_ code: CURLcode, on loop: isolated EventLoop) {
        if let failure { return end(failure, on: loop) }
        if response.isRedirect, code == CURLE_OK || code == CURLE_WRITE_ERROR {
            return followRedirect(on: loop)
        }
        guard code == CURLE_OK else { return end(error(for: code), on: loop) }
        if case .mail = sink { return end(nil, on: loop) }
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
        case .mail(let continuation):
            if let error {
                continuation.resume(returning: .failure(error))
            } else {
                continuation.resume(returning: .success(reply ?? .init(code: 250, text: "")))
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

    /// What the mail server said last.
    private var reply: HTTPClientError.Reply? {
        let line =
            String(decoding: response.replyLine, as: UTF8.self)
            .split(whereSeparator: \.isNewline).first ?? ""
        guard let code = Int(line.prefix(3)) else { return nil }
        return HTTPClientError.Reply(code: code, text: String(line.dropFirst(4)))
    }

    private func error(for code: CURLcode) -> HTTPClientError {
        let text = easy?.errorText(code) ?? ""
        func error(_ code: HTTPClientError.Code, _ message: String? = nil) -> HTTPClientError {
            HTTPClientError(code, message ?? text)
        }
        if request.mail != nil, let reply, reply.code >= 400 { return mailRefusal(text) }
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
            return error(.nameNotResolved)
        case CURLE_COULDNT_CONNECT:
            if let refusedAddress { return Self.refusal(of: refusedAddress) }
            guard socketError != 0 else { return error(.connectFailed) }
            return error(.connectFailed, "\(SystemError("socket", code: socketError))")
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS:
            return error(.certificateRefused)
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_USE_SSL_FAILED,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_SHUTDOWN_FAILED:
            return error(.tlsFailed)
        case CURLE_OPERATION_TIMEDOUT: return timeout(text)
        case CURLE_PROXY: return error(.proxyFailed)
        case CURLE_RECV_ERROR where isRefusedByProxy: return error(.proxyFailed)
        case CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE, CURLE_RECV_ERROR, CURLE_SEND_ERROR,
            CURLE_SEND_FAIL_REWIND, CURLE_HTTP2, CURLE_HTTP2_STREAM:
            return error(.connectionLost)
        case CURLE_LOGIN_DENIED, CURLE_REMOTE_ACCESS_DENIED: return mailRefusal(text)
        case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_BAD_CONTENT_ENCODING:
            return error(.invalidResponse)
        case CURLE_OUT_OF_MEMORY: return .outOfMemory
        default: return error(.failed)
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

    private func mailRefusal(_ text: String) -> HTTPClientError {
        var error = HTTPClientError(.mailRefused, text)
        error.reply = reply
        return error
    }
}
