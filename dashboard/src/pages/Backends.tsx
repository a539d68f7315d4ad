export default function Backends() {
  return <h1>Backends</h1>;
}
