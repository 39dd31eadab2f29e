internal import HTTPWire

/// Which redirects a client follows.
///
/// 301, 302, 303, 307 and 308 with a `Location` are redirects. 303, and 301 and 302 in answer to
/// POST, go on as GET without a body, as browsers do; the others repeat the request, which is not
/// possible for a streamed body. `Authorization`, `Cookie` and `Proxy-Authorization` go to another
/// scheme, host or port only if ``keepsCredentials`` says so.
public struct RedirectPolicy: Sendable, Hashable {
    /// The number of redirects that are followed one after the other.
    public var countMax: Int
    /// Whether `https` may lead to `http` and back.
    public var changesScheme = false
    /// Whether credentials go to other hosts as well.
    public var keepsCredentials = false

    /// Follows up to `countMax` redirects, if scheme and credentials allow.
    public init(following countMax: Int) { self.countMax = countMax }

    /// A redirect is a response like any other.
    public static let none = RedirectPolicy(following: 0)

    /// Follows up to `countMax` redirects that keep the scheme.
    public static func follow(upTo countMax: Int) -> RedirectPolicy {
        RedirectPolicy(following: countMax)
    }

    static func isRedirect(_ status: Int) -> Bool {
        switch status {
        case 301, 302, 303, 307, 308: true
        default: false
        }
    }

    /// The method with which the request goes on.
    static func method(after status: Int, of method: HTTPMethod) -> HTTPMethod {
        switch (status, method) {
        case (303, .head): .head
        case (303, _), (301, .post), (302, .post): .get
        default: method
        }
    }
}
