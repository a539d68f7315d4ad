export default function Traffic() {
  return <h1>Traffic</h1>;
}
