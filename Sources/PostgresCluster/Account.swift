import Glibc

/// The user that the server runs as; it refuses to run as root.
struct Account: Sendable {
    let user: uid_t
    let group: gid_t
    /// Whether this process is root and must become `user` to start a server.
    let isOther: Bool

    /// This process's own user, or, for root, the owner of existing data or else `postgres`.
    static func find(dataFolder: String) throws(PostgresClusterError) -> Account {
        guard geteuid() == 0 else {
            return Account(user: geteuid(), group: getegid(), isOther: false)
        }
        if let owner = Files.kind(dataFolder)?.owner, owner != 0, let entry = getpwuid(owner) {
            return Account(user: owner, group: entry.pointee.pw_gid, isOther: true)
        }
        guard let entry = getpwnam("postgres") else {
            throw PostgresClusterError(
                "PostgreSQL does not run as root, and there is no user named postgres to run it as")
        }
        return Account(user: entry.pointee.pw_uid, group: entry.pointee.pw_gid, isOther: true)
    }

    /// Gives a file or folder to the user, if it is not the user's yet.
    func own(_ path: String) throws(PostgresClusterError) {
        guard isOther, Files.kind(path)?.owner != user else { return }
        guard chown(path, user, group) == 0 else {
            throw PostgresClusterError(
                "cannot give \(path) to the PostgreSQL user: \(Files.message(errno))")
        }
    }
}
