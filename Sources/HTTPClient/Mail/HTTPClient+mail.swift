internal import Bytes
internal import CCurl
internal import Glibc
public import Reactor

/// A mail as it goes out.
struct OutgoingMail {
    let url: String
    let server: MailServer
    let from: String
    let recipients: [String]
    let message: [UInt8]
}

extension HTTPClient {
    /// Hands a mail to a server, and returns what it answered at the end.
    ///
    /// Throws ``HTTPClientError/Code/mailRefused`` with the server's reply if it takes neither the
    /// mail nor all of its recipients. Like all else, it goes over kept connections where that is
    /// possible; the client's ``AddressPolicy`` and proxy are for HTTP alone.
    @discardableResult
    public func sendMail(
        _ mail: MailMessage, via server: MailServer, on loop: isolated EventLoop
    ) async throws(HTTPClientError) -> HTTPClientError.Reply {
        var seconds = time_t()
        time(&seconds)
        let words = (0..<3).map { _ in UInt64.random(in: 0...UInt64.max) }
        let id = words.map { String($0, radix: 36) }.joined()
        let message = try mail.render(seconds: Int64(seconds), id: id)
        guard OutgoingRequest.isHost(server.host), OutgoingRequest.isHost(server.ownName) else {
            throw HTTPClientError(
                .invalidRequest, "the mail server's name, or our own, is not the name of a host")
        }
        let scheme = server.security == .implicit ? "smtps" : "smtp"
        let host = server.host.contains(":") ? "[\(server.host)]" : server.host
        let outgoing = OutgoingMail(
            url: "\(scheme)://\(host):\(server.port)/\(server.ownName)", server: server,
            from: (mail.sender ?? mail.from).address,
            recipients: (mail.to + mail.blindCopies).map(\.address), message: message)
        let transfer = HTTPTransfer(
            try OutgoingRequest(outgoing), timeout: server.timeout, bodyBytesMax: 0, core: core)
        return try await wait(for: transfer, on: loop) { .mail($0) }
    }
}

extension HTTPTransfer {
    func configure(_ easy: CurlEasy, for mail: OutgoingMail, _ failed: inout CURLcode) {
        easy.set(CURLOPT_PROTOCOLS_STR, "smtp,smtps", &failed)
        easy.set(CURLOPT_PROXY, "", &failed)
        configureTLS(easy, mail.server.tls, &failed)
        let security: curl_usessl =
            switch mail.server.security {
            case .none: CURLUSESSL_NONE
            case .opportunistic: CURLUSESSL_TRY
            case .required, .implicit: CURLUSESSL_ALL
            }
        easy.set(CURLOPT_USE_SSL, Int(security.rawValue), &failed)
        if let user = mail.server.user {
            easy.set(CURLOPT_USERNAME, user, &failed)
            easy.set(CURLOPT_PASSWORD, mail.server.password ?? "", &failed)
        }
        easy.set(CURLOPT_MAIL_FROM, "<\(mail.from)>", &failed)
        for recipient in mail.recipients where !lent.recipients.append("<\(recipient)>") {
            failed = CURLE_OUT_OF_MEMORY
        }
        easy.set(CURLOPT_MAIL_RCPT, lent.recipients, &failed)
        easy.set(CURLOPT_UPLOAD, true, &failed)
        easy.set(size: CURLOPT_INFILESIZE_LARGE, mail.message.count, &failed)
        CurlCallbacks.installReader(in: easy, for: self, &failed)
    }
}
