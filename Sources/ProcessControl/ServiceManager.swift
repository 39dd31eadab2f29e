internal import Glibc

/// Tells systemd, or whatever set `NOTIFY_SOCKET`, how the process is.
public enum ServiceManager {
    /// The process serves.
    @discardableResult
    public static func ready(status: String? = nil) -> Bool {
        notify("READY=1" + (status.map { "\nSTATUS=\(oneLine($0))" } ?? ""))
    }

    /// The process is about to end.
    @discardableResult
    public static func stopping() -> Bool { notify("STOPPING=1") }

    /// What the process is doing, for people.
    @discardableResult
    public static func status(_ text: String) -> Bool { notify("STATUS=\(oneLine(text))") }

    /// Sends a message of sd_notify(3).
    ///
    /// Never blocks. `address` stands for the value of `NOTIFY_SOCKET`: a path, or a name after `@`.
    /// - Returns: whether somebody took it.
    @discardableResult
    public static func notify(_ message: String, address: String? = nil) -> Bool {
        let address = address ?? getenv("NOTIFY_SOCKET").map { String(cString: $0) }
        guard let address, address.hasPrefix("/") || address.hasPrefix("@") else { return false }
        var name = Array(address.utf8)
        // The first byte 0 is Linux's name space of sockets without files.
        if address.hasPrefix("@") { name[0] = 0 }
        var socketAddress = sockaddr_un()
        socketAddress.sun_family = sa_family_t(AF_UNIX)
        let capacity = MemoryLayout.size(ofValue: socketAddress.sun_path)
        guard name.count < capacity else { return false }
        withUnsafeMutableBytes(of: &socketAddress.sun_path) { $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size - capacity + name.count)
        let type = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let bytes = Array(message.utf8)
        let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
        let sent = withUnsafePointer(to: &socketAddress) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, flags, $0, length)
            }
        }
        return sent == bytes.count
    }

    private static func oneLine(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 })
    }
}
