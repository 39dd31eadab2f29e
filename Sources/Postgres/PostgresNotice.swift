internal import CPostgres

/// A remark of the server that is no error.
public struct PostgresNotice: Sendable {
    /// `NOTICE`, `WARNING`, …; also `FATAL` when the server ends an idle connection.
    public let severity: String
    /// The server's five characters.
    public let sqlState: String?
    /// One sentence.
    public let message: String
}

/// What libpq's notice receiver points at.
final class NoticeReceiver {
    private let body: (PostgresNotice) -> Void

    init(_ body: @escaping (PostgresNotice) -> Void) {
        self.body = body
    }

    /// Takes the connection's notices instead of libpq's own printer. The receiver must live as long
    /// as the connection.
    func install(in connection: OpaquePointer) {
        let receiver = Unmanaged.passUnretained(self).toOpaque()
        PQsetNoticeReceiver(
            connection,
            { receiver, result in
                guard let receiver, let result else { return }
                let notice = PostgresNotice(
                    severity: diagnostic(result, "V") ?? "NOTICE",
                    sqlState: diagnostic(result, "C"),
                    message: diagnostic(result, "M") ?? trimmed(PQresultErrorMessage(result)))
                Unmanaged<NoticeReceiver>.fromOpaque(receiver).takeUnretainedValue().body(notice)
            },
            receiver)
    }
}

/// One field of an error or a notice; the letters are the protocol's.
func diagnostic(_ result: OpaquePointer, _ field: Unicode.Scalar) -> String? {
    PQresultErrorField(result, Int32(field.value)).map { String(cString: $0) }
}

/// libpq's messages end with a line feed.
func trimmed(_ text: UnsafePointer<CChar>?) -> String {
    guard let text else { return "" }
    var string = String(cString: text)
    while string.last?.isNewline == true || string.last == " " { string.removeLast() }
    return string
}
