/// A case that nginx treats in another way, and why that is right or at least meant.
public struct NginxDifference: Sendable {
    /// The statuses of its answers; 9 stands for a body without a head, as HTTP/0.9 has it.
    public let statuses: [Int]
    /// Whether the probe behind the case is answered.
    public let stays: Bool
    /// Why the two differ.
    public let reason: String

    /// By the name of the case, as nginx 1.22 was seen to act.
    public static let all: [String: NginxDifference] = {
        var all: [String: NginxDifference] = [:]
        for group in NginxDifferences.all {
            for name in group.names {
                all[name] = NginxDifference(
                    statuses: group.statuses, stays: group.stays, reason: group.reason)
            }
        }
        return all
    }()
}

/// Cases that nginx treats alike, for one reason.
struct NginxDifferences: Sendable {
    let statuses: [Int]
    let stays: Bool
    let reason: String
    let names: [String]

    init(_ statuses: [Int], stays: Bool, _ reason: String, _ names: [String]) {
        self.statuses = statuses
        self.stays = stays
        self.reason = reason
        self.names = names
    }

    static let all = lines + fields + bodies
}

extension NginxDifferences {
    private static let lines: [NginxDifferences] = [
        NginxDifferences(
            [9], stays: false,
            """
            nginx still speaks HTTP/0.9; RFC 9112 (appendix C.2) lets servers refuse it
            """,
            [
                "no version", "HTTP/0.9 with a space",
            ]),
        NginxDifferences(
            [200], stays: true,
            """
            RFC 9112 (section 3) has one space between the parts; being lenient is allowed \
            and has been exploited, as the section says
            """,
            [
                "two spaces before target", "two spaces before version", "trailing space",
            ]),
        NginxDifferences(
            [200], stays: true,
            """
            a limit of ours on names that nobody uses
            """,
            [
                "method longer than any"
            ]),
        NginxDifferences(
            [400], stays: false,
            """
            nginx knows methods of capital letters, - and _ only; RFC 9110 has any token
            """,
            [
                "lower-case method", "method with token characters",
            ]),
        NginxDifferences(
            [505], stays: false,
            """
            another status for the same refusal: nginx takes the version for malformed, or \
            a malformed one for unknown
            """,
            [
                "two major digits"
            ]),
        NginxDifferences(
            [400], stays: false,
            """
            another status for the same refusal: nginx takes the version for malformed, or \
            a malformed one for unknown
            """,
            [
                "HTTP/0.9 spelled out", "HTTP/0.0", "HTTP/2 preface",
            ]),
        NginxDifferences(
            [200], stays: true,
            """
            nginx takes two digits for a minor version; RFC 9112 (section 2.3) has one
            """,
            [
                "two minor digits"
            ]),
        NginxDifferences(
            [200], stays: true,
            """
            nginx skips any number of empty lines, RFC 9112 (section 2.2) asks for one at \
            least; we stop at one
            """,
            [
                "two empty lines first"
            ]),
        NginxDifferences(
            [200], stays: true,
            """
            nginx cuts a fragment off; RFC 9112 (section 3.2) has none in a target, and \
            cutting changes what is meant
            """,
            [
                "fragment"
            ]),
        NginxDifferences(
            [200], stays: true,
            """
            nginx takes any byte in a target; RFC 3986 has visible ASCII only
            """,
            [
                "raw UTF-8 in target", "raw UTF-8 far into a target",
            ]),
        NginxDifferences(
            [200], stays: true,
            """
            nginx does not look at ports and schemes of an absolute target; we serve web \
            addresses only, and what is no port is malformed
            """,
            [
                "absolute with a long port", "another scheme",
            ]),
        NginxDifferences(
            [400], stays: false,
            """
            another status for the same refusal: nginx refuses the method before it reads \
            the target
            """,
            [
                "CONNECT"
            ]),
        NginxDifferences(
            [405], stays: false,
            """
            another status for the same refusal: nginx refuses the method before it reads \
            the target
            """,
            [
                "CONNECT with a path", "CONNECT to an address",
            ]),
        NginxDifferences(
            [405], stays: false,
            """
            nginx refuses TRACE; to us it is a method like any other, for which a server \
            has a route or not
            """,
            [
                "TRACE"
            ]),
        NginxDifferences(
            [400], stays: false,
            """
            nginx does not know the target *; RFC 9112 (section 3.2.4) has it for OPTIONS
            """,
            [
                "OPTIONS of the server"
            ]),
        NginxDifferences(
            [400], stays: false,
            """
            nginx works out the file that a path names, and refuses what leads above the \
            root or holds a NUL; our routes compare segments as they are
            """,
            [
                "dot segments above the root", "encoded dot segments", "encoded NUL",
            ]),
        NginxDifferences(
            [400], stays: false,
            """
            nginx closes the connection after every 400; here only the path is at fault, \
            the framing is not
            """,
            [
                "broken encoding", "cut encoding",
            ]),
        NginxDifferences(
            [200], stays: true,
            """
            nginx does not care for UTF-8 in a path; what our routes capture is text
            """,
            [
                "encoding that is not UTF-8", "overlong UTF-8",
            ]),
        NginxDifferences(
            [200], stays: true,
            """
            nginx takes a line feed alone for a line end, which RFC 9112 (section 2.2) \
            allows; readers who disagree on line ends are how requests are smuggled, so we \
            do not
            """,
            [
                "bare LF everywhere", "bare LF ends request line", "bare LF ends field",
                "bare LF ends head", "bare LF first", "bare LF between fields",
            ]),
        NginxDifferences(
            [200], stays: true,
            """
            nginx skips a carriage return where a line could end; RFC 9112 (section 2.2) \
            has it refused or replaced
            """,
            [
                "CR CR LF after field", "CR then request",
            ]),
    ]

    private static let fields: [NginxDifferences] = [
        NginxDifferences(
            [200], stays: true,
            """
            nginx ignores fields whose names it cannot read (ignore_invalid_headers); RFC \
            9112 (section 5.1) wants them refused, lest another server read them
            """,
            [
                "only a name", "UTF-8 in a name", "brackets in a name", "slash in a name",
                "quotes in a name", "at sign in a name", "comma in a name",
                "semicolon in a name", "equals sign in a name", "braces in a name",
            ]),
        NginxDifferences(
            [200], stays: true,
            """
            nginx forbids NUL, CR and LF in a value; RFC 9110 (section 5.5) makes the \
            other control characters malformed too
            """,
            [
                "control in a value", "escape in a value", "backspace in a value",
                "DEL in a value", "form feed in a value", "vertical tab in a value",
                "control far into a value",
            ]),
        NginxDifferences(
            [200], stays: true,
            """
            nginx checks a Host loosely; RFC 9112 (section 3.2) wants 400 for an invalid \
            one, and what is routed by it must not be guesswork
            """,
            [
                "Host with a user", "Host list without spaces", "Host with a query",
                "Host with a fragment", "Host with a backslash", "Host with a bad port",
                "Host with two ports", "Host with a long port", "Host open bracket",
                "Host empty brackets", "Host garbage in brackets",
                "Host garbage behind brackets", "Host with UTF-8", "Host in angle brackets",
                "Host with a quote",
            ]),
        NginxDifferences(
            [400], stays: false,
            """
            nginx wants a name in Host; RFC 9112 (section 3.2) has an empty one where the \
            target has no authority
            """,
            [
                "served Host empty"
            ]),
        NginxDifferences(
            [400], stays: false,
            """
            nginx strips spaces around values, not tabs; RFC 9112 (section 5) has both
            """,
            [
                "served Host after a tab", "served Host with a blank behind",
                "length with blanks around",
            ]),
        NginxDifferences(
            [501], stays: false,
            """
            nginx strips spaces around values, not tabs; RFC 9112 (section 5) has both
            """,
            [
                "chunked with blanks around"
            ]),
        NginxDifferences(
            [200], stays: true,
            """
            nginx looks for the words close and keep-alive anywhere in Connection; RFC \
            9110 (section 7.6.1) has a list of tokens, and closed is not close
            """,
            [
                "Connection is no list of tokens"
            ]),
        NginxDifferences(
            [200], stays: false,
            """
            nginx looks for the words close and keep-alive anywhere in Connection; RFC \
            9110 (section 7.6.1) has a list of tokens, and closed is not close
            """,
            [
                "Connection in quotes", "Connection closed",
            ]),
        NginxDifferences(
            [400], stays: false,
            """
            another status for the same refusal: nginx answers 400 to fields beyond its \
            buffers, RFC 6585 has 431
            """,
            [
                "long value", "long name", "endless field", "many long fields",
            ]),
        NginxDifferences(
            [200], stays: true,
            """
            a limit of ours (http_limits.max_header_count); nginx 1.22 limits only bytes
            """,
            [
                "101 fields"
            ]),
        NginxDifferences(
            [200, 400], stays: false,
            """
            nginx ignores other expectations than 100-continue, RFC 9110 (section 10.1.1) \
            suggests 417; the second answer of nginx is to the probe, whose first bytes it \
            took for the body
            """,
            [
                "another expectation", "no expectation", "two expectations",
            ]),
    ]

    private static let bodies: [NginxDifferences] = [
        NginxDifferences(
            [400], stays: false,
            """
            another status for the same refusal: to us a number that is too large, to \
            nginx malformed
            """,
            [
                "Content-Length beyond 64 bits", "Content-Length that wraps to 5",
                "Content-Length beyond 63 bits", "Content-Length of 40 digits",
            ]),
        NginxDifferences(
            [501], stays: false,
            """
            another status for the same refusal: nginx answers 501 to every coding but \
            plain chunked, we do for those that are well formed
            """,
            [
                "chunked twice in one", "chunked is not last", "chunked, then identity",
                "empty TE", "TE of commas", "TE with an empty element",
                "TE with a leading comma", "TE with a parameter", "TE in quotes",
                "TE with a vertical tab", "TE with a space inside",
            ]),
        NginxDifferences(
            [400], stays: false,
            """
            another status for the same refusal: nginx takes a second Transfer-Encoding \
            for malformed before it looks at the codings
            """,
            [
                "TE identity, then chunked"
            ]),
        NginxDifferences(
            [200], stays: true,
            """
            nginx skips everything between a chunk's size and its line end, or takes a \
            line feed for it; RFC 9112 (section 7.1) has it malformed, and two readers \
            would find two bodies
            """,
            [
                "space behind the size", "tab behind the size", "two sizes",
                "bare LF behind the size", "bare LF in an extension", "NUL in an extension",
                "extension without a semicolon", "bare LF ends the body",
                "bare LF behind the last size",
            ]),
        NginxDifferences(
            [200], stays: true,
            """
            nginx reads the number's value, which is small; we stop at sixteen digits, \
            lest zeros go on for ever
            """,
            [
                "size of 17 digits"
            ]),
        NginxDifferences(
            [200], stays: true,
            """
            nginx skips what follows a chunk's data up to a line end
            """,
            [
                "data shorter than said", "bare LF behind the data",
            ]),
        NginxDifferences(
            [200], stays: true,
            """
            nginx does not check trailers; RFC 9112 (section 7.1.2) has them be fields, \
            and here as anywhere they must not be ambiguous
            """,
            [
                "trailer without a colon", "trailer without a name", "trailer folded",
                "trailer with a space before the colon", "trailer with a NUL",
                "trailer with a bare LF",
            ]),
        NginxDifferences(
            [200], stays: false,
            """
            nginx answers before it has read the trailers, and closes; we refuse when they \
            go beyond the limit
            """,
            [
                "endless trailer", "endless trailers",
            ]),
    ]
}
