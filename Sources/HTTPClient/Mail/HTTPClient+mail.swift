internal import Glibc
public import Reactor

extension HTTPClient {
    /// Hands a mail to a server, and returns what it answered at the end.
    ///
    /// Throws ``HTTPClientError/Code/mailRefused`` with the server's reply if it takes neither the
    /// mail nor all of its recipients. Each mail has a connection of its own, on a thread of the
    /// loop's pool (libcurl's SMTP blocks), two at a time; others wait, and the time for a mail begins
    /// when its turn comes. The client's ``AddressPolicy`` and proxy are for HTTP alone.
    ///
    /// Cancelling the task does not unsend a mail whose last byte is on the way.
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
        return try await core.mails.deliver(outgoing, on: loop)
    }
}
