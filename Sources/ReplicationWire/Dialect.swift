/// How commands and rows are written; what they mean is the same in every dialect.
public enum Dialect: Sendable, Hashable {
    /// The protocol of April 2017: tokens and rows without the name of their writer.
    case classic
    /// The protocol from 2020 on: streams have several writers, each with a name.
    case named
}
