internal import CCurl
internal import Reactor
internal import Synchronization

/// A mail as it goes out.
struct OutgoingMail: Sendable {
    let url: String
    let server: MailServer
    let from: String
    let recipients: [String]
    let message: [UInt8]
}

/// Says, from the loop, that nobody waits for a delivery any more.
final class DeliveryFlag: Sendable {
    private let flag = Atomic(false)

    var isRaised: Bool { flag.load(ordering: .relaxed) }
    func raise() { flag.store(true, ordering: .relaxed) }
}

/// Hands one mail to its server, on a thread that may block.
///
/// libcurl's SMTP blocks whatever interface it is driven through: for the reply to the end of the
/// message, which a server may take its time for, and for the reply to QUIT. On the loop's thread
/// that would stop everything else.
final class MailDelivery {
    private let mail: OutgoingMail
    private let flag: DeliveryFlag
    private var position = 0
    /// The line that the server sent last.
    private var line: [UInt8] = []
    /// The server has answered to the end of the mail; what follows is politeness.
    private var isTaken = false

    init(_ mail: OutgoingMail, _ flag: DeliveryFlag) {
        self.mail = mail
        self.flag = flag
    }

    /// Blocks until the mail is delivered or refused; about a second at most once `flag` is raised.
    func run() -> Result<HTTPClientError.Reply, HTTPClientError> {
        guard !flag.isRaised else { return .failure(.cancelled) }
        guard CurlMulti.isReady, let easy = CurlEasy() else { return .failure(.outOfMemory) }
        easy.reset()
        var recipients = CurlList()
        var code = CURLE_OK
        for recipient in mail.recipients where !recipients.append("<\(recipient)>") {
            code = CURLE_OUT_OF_MEMORY
        }
        easy.set(CURLOPT_MAIL_RCPT, recipients, &code)
        configure(easy, &code)
        // libcurl calls back only inside of this call, during which `self` is held.
        if code == CURLE_OK { code = withExtendedLifetime(self) { curl_easy_perform(easy.raw) } }
        defer { withExtendedLifetime(recipients) {} }
        // Where the reply to QUIT was not waited for, libcurl says that it was stopped.
        if code == CURLE_OK || isTaken, let reply, reply.code / 100 == 2 { return .success(reply) }
        var error = HTTPClientError(code, easy.errorText(code))
        if code == CURLE_ABORTED_BY_CALLBACK { error = .cancelled }
        if let reply, reply.code >= 400 {
            error = HTTPClientError(.mailRefused, easy.errorText(code))
        }
        error.reply = reply
        return .failure(error)
    }

    private func configure(_ easy: CurlEasy, _ failed: inout CURLcode) {
        let server = mail.server
        easy.set(CURLOPT_URL, mail.url, &failed)
        easy.set(CURLOPT_PROTOCOLS_STR, "smtp,smtps", &failed)
        easy.set(CURLOPT_PROXY, "", &failed)
        easy.set(CURLOPT_NOSIGNAL, true, &failed)
        // A kept connection would wait for the reply to QUIT where nothing can stop it.
        easy.set(CURLOPT_FORBID_REUSE, true, &failed)
        easy.set(CURLOPT_TIMEOUT_MS, max(1, Int(server.timeout.inMilliseconds)), &failed)
        easy.set(server.tls, &failed)
        let security: curl_usessl =
            switch server.security {
            case .none: CURLUSESSL_NONE
            case .opportunistic: CURLUSESSL_TRY
            case .required, .implicit: CURLUSESSL_ALL
            }
        easy.set(CURLOPT_USE_SSL, Int(security.rawValue), &failed)
        if let user = server.user {
            easy.set(CURLOPT_USERNAME, user, &failed)
            easy.set(CURLOPT_PASSWORD, server.password ?? "", &failed)
        }
        easy.set(CURLOPT_MAIL_FROM, "<\(mail.from)>", &failed)
        easy.set(CURLOPT_UPLOAD, true, &failed)
        easy.set(size: CURLOPT_INFILESIZE_LARGE, mail.message.count, &failed)
        let context = Unmanaged.passUnretained(self).toOpaque()
        easy.set(CURLOPT_HEADERDATA, context, &failed)
        easy.set(CURLOPT_NOPROGRESS, false, &failed)
        let codes = [
            ccurl_set_receiver(easy.raw, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
                guard let delivery = MailDelivery.from(context), let bytes else { return 0 }
                delivery.received(UnsafeRawBufferPointer(start: bytes, count: size * count))
                return size * count
            },
            ccurl_set_reader(
                easy.raw,
                { bytes, size, count, context in
                    guard let delivery = MailDelivery.from(context), let bytes else {
                        return Int(CURL_READFUNC_ABORT)
                    }
                    return delivery.read(
                        into: UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
                },
                { context, offset, _ in
                    guard offset == 0, let delivery = MailDelivery.from(context) else {
                        return Int32(CURL_SEEKFUNC_FAIL)
                    }
                    delivery.position = 0
                    return Int32(CURL_SEEKFUNC_OK)
                }, context),
            ccurl_set_progress(
                easy.raw,
                { context, _, _, _, _ in
                    guard let delivery = MailDelivery.from(context) else { return 1 }
                    return delivery.isTaken || delivery.flag.isRaised ? 1 : 0
                }, context),
        ]
        if failed == CURLE_OK { failed = codes.first { $0 != CURLE_OK } ?? CURLE_OK }
    }

    private static func from(_ context: UnsafeMutableRawPointer?) -> MailDelivery? {
        context.map { Unmanaged<MailDelivery>.fromOpaque($0).takeUnretainedValue() }
    }

    private func received(_ line: UnsafeRawBufferPointer) {
        // What comes behind the reply that counts answers QUIT, as does 221 wherever it comes.
        guard !isTaken, !line.starts(with: "221".utf8) else { return }
        self.line = Array(line.prefix(1024))
        isTaken = position == mail.message.count && line.count > 3 && line[3] != 0x2d
    }

    private func read(into room: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(room.count, mail.message.count - position)
        room.copyBytes(from: mail.message[position..<(position + count)])
        position += count
        return count
    }

    private var reply: HTTPClientError.Reply? {
        let text =
            String(decoding: line, as: UTF8.self)
            .split(whereSeparator: \.isNewline).first ?? ""
        guard let code = Int(text.prefix(3)) else { return nil }
        return HTTPClientError.Reply(code: code, text: String(text.dropFirst(4)))
    }
}
