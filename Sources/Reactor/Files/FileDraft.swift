internal import CReactor
internal import Glibc

/// The file beside the file: a temporary one in the same folder, which a rename puts into place.
///
/// Used by one thread at a time: its operations follow each other on a pool.
final class FileDraft: Sendable {
    let path: String
    private let temporary: String
    private let descriptor: Int32
    private let isCommitted = Guarded(false)

    init(_ path: String, mode: UInt32) throws(SystemError) {
        self.path = path
        var template = Array((path + ".XXXXXX").utf8CString)
        let descriptor = Descriptor(
            owning: try system("mkostemp") {
                template.withUnsafeMutableBufferPointer { creactor_temporary($0.baseAddress) }
            })
        temporary = template.withUnsafeBytes {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        let raw = descriptor.raw
        do throws(SystemError) {
            try system("fchmod") { fchmod(raw, mode_t(mode)) }
        } catch {
            unlink(temporary)
            throw error
        }
        self.descriptor = descriptor.release()
    }

    deinit {
        close(descriptor)
        if !isCommitted.withLock({ $0 }) { unlink(temporary) }
    }

    func append(_ bytes: [UInt8]) throws(SystemError) { try writeAll(bytes, to: descriptor) }

    func commit(durable: Bool) throws(SystemError) {
        if durable { try system("fsync") { fsync(descriptor) } }
        try system("rename") { rename(temporary, path) }
        isCommitted.withLock { $0 = true }
        guard durable else { return }
        let folder =
            path.contains("/") ? String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]) : "."
        let opened = Descriptor(
            owning: try system("open") {
                creactor_open(folder.isEmpty ? "/" : folder, O_RDONLY | O_DIRECTORY, 0)
            })
        let raw = opened.raw
        try system("fsync") { fsync(raw) }
    }
}
