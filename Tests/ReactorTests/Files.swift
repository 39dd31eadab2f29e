import Glibc

/// A short path for a socket that no other test uses.
func temporaryPath(_ name: String) -> String {
    "/tmp/beamline-\(getpid())-\(name)-\(UInt32.random(in: 0 ... .max)).sock"
}

/// Leaves behind what a killed server does: a socket file that nobody listens on.
func leaveStaleSocket(at path: String) {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    withUnsafePointer(to: &address) { pointer in
        _ = bind(
            descriptor, UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self),
            socklen_t(MemoryLayout<sockaddr_un>.size))
    }
    close(descriptor)
}
