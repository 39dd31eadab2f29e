/// A mail with a text, and the same as HTML if one likes.
public struct MailMessage: Sendable {
    /// Who writes.
    public var from: MailAddress
    /// Who shall read, shown to all of them.
    public var to: [MailAddress]
    /// Who gets it without being shown.
    public var blindCopies: [MailAddress] = []
    /// Where reports of failed delivery go; `nil`: to the writer.
    public var sender: MailAddress?
    /// Where answers go; `nil`: to the writer.
    public var replyTo: MailAddress?
    /// The subject, in any script.
    public var subject: String
    /// The text.
    public var text: String
    /// The text as HTML, if there is one.
    public var html: String?
    /// Further header fields, such as `Auto-Submitted`; names are tokens and values ASCII.
    public var fields: [(name: String, value: String)] = []

    /// A mail to somebody.
    public init(
        from: MailAddress, to: [MailAddress], subject: String, text: String, html: String? = nil
    ) {
        self.from = from
        self.to = to
        self.subject = subject
        self.text = text
        self.html = html
    }

    static let recipientsMax = 100
    /// Fields that are made of the other parts.
    private static let ownFields: Set<String> = [
        "from", "to", "cc", "bcc", "sender", "reply-to", "subject", "date", "message-id",
        "mime-version", "content-type", "content-transfer-encoding",
    ]

    /// The whole message as it is sent, but for the dots that the protocol doubles. `seconds` is the
    /// time since 1970; `id` tells the message from all others, in letters and digits.
    func render(seconds: Int64, id: String) throws(HTTPClientError) -> [UInt8] {
        guard (1...Self.recipientsMax).contains(to.count + blindCopies.count) else {
            throw HTTPClientError(
                .invalidRequest, "a mail needs 1 to \(Self.recipientsMax) recipients")
        }
        guard subject.isOneLine else {
            throw HTTPClientError(.invalidRequest, "the subject holds a control character")
        }
        var message = "Date: \(MailDate(seconds: seconds))\r\n"
        message += "Message-ID: <\(id)@\(from.domain)>\r\n"
        message += "From: \(MailEncoding.mailbox(from))\r\n"
        if let replyTo { message += "Reply-To: \(MailEncoding.mailbox(replyTo))\r\n" }
        if !to.isEmpty {
            message += "To: \(to.map(MailEncoding.mailbox).joined(separator: ",\r\n "))\r\n"
        }
        message += "Subject: \(MailEncoding.unstructured(subject))\r\nMIME-Version: 1.0\r\n"
        for (name, value) in fields { message += try Self.field(name, value) }
        guard let html else {
            message += Self.part("plain", text)
            return Array(message.utf8)
        }
        // In quoted-printable a "=" is never followed by "_", so the boundary cannot be in a part.
        let boundary = "=_\(id)"
        message += "Content-Type: multipart/alternative; boundary=\"\(boundary)\"\r\n\r\n"
        message += "--\(boundary)\r\n\(Self.part("plain", text))\r\n"
        message += "--\(boundary)\r\n\(Self.part("html", html))\r\n--\(boundary)--\r\n"
        return Array(message.utf8)
    }

    private static func field(
        _ name: String, _ value: String
    ) throws(HTTPClientError) -> String {
        let isName = !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x3a }
        guard isName, !ownFields.contains(name.lowercased()) else {
            throw HTTPClientError(
                .invalidRequest, "'\(name.printable)' is not a field that a mail may be given")
        }
        guard value.isOneLine, value.utf8.allSatisfy({ $0 < 0x80 }), value.utf8.count <= 900 else {
            throw HTTPClientError(
                .invalidRequest,
                "the value of \(name) is too long, holds a control character or is not ASCII")
        }
        return "\(name): \(value)\r\n"
    }

    private static func part(_ subtype: String, _ text: String) -> String {
        "Content-Type: text/\(subtype); charset=utf-8\r\n"
            + "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
            + MailEncoding.quotedPrintable(text)
    }
}
