/// Why a line is not a command of this protocol.
public enum CommandError: Error, Hashable, Sendable {
    /// The first word is no command. Carries it, cut to a length that can be shown.
    case unknown(String)
    /// The arguments are not what the command takes.
    case malformed(CommandName, reason: String)

    /// What an `ERROR` says to the peer that sent the line.
    public var text: String {
        switch self {
        case .unknown(let name): "invalid command: \(name)"
        case .malformed(let name, let reason):
            "failed to parse line for \(name.rawValue): \(reason)"
        }
    }
}
